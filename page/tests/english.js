/** Node.js takes its language from the machine; the tests expect English texts. */

Object.defineProperty(globalThis, "navigator", { value: { languages: ["en"] } });

/** The network's thread, which begins to load before the rest of the page. */

export const thread = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

/** Settled with the reason if the thread does not start. @type {Promise<string>} */
export const failure = new Promise((resolve) => {
  thread.addEventListener("error", (event) => {
    event.preventDefault();
    resolve(event.message || "worker.js cannot be loaded");
  });
});

/** The language of the page: the one that was chosen here, or the first of the browser's languages that the page has. */

import { keep, recall } from "./storage.js";

const KEY = "vpuformer-language";

/** Languages by their codes, each with its own name. Each has a file in `texts`. */
export const LANGUAGES = { en: "English", de: "Deutsch", fr: "Français", es: "Español", zh: "中文" };

/** @typedef {keyof typeof LANGUAGES} Language */

/** @param {string} code @returns {code is Language} */
const isLanguage = (code) => Object.hasOwn(LANGUAGES, code);

/**
 * @param {unknown} chosen code of a language; null if none was chosen
 * @param {readonly string[]} preferred tags such as "de-AT", the best first
 * @returns {Language}
 */
export function languageFor(chosen, preferred) {
  const codes = [String(chosen), ...preferred].map((tag) => tag.toLowerCase().split("-")[0]);
  return codes.find(isLanguage) ?? "en";
}

/** @param {Language} language for the next time that the page opens */
export const chooseLanguage = (language) => keep(KEY, JSON.stringify(language));

export const language = languageFor(recall(KEY), navigator.languages);

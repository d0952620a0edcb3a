/** The texts of the page in its language, and numbers and dates as that language writes them. */

import { language } from "./language.js";

/** @typedef {keyof typeof import("./texts/en.json")} Key place of use and name of a text */
/** @typedef {string | Partial<Record<Intl.LDMLPluralRule, string>>} Entry a text, or one for each form of the plural */

/** @type {{default: Record<Key, Entry>}} */
const { default: entries } = await import(`./texts/${language}.json`, { with: { type: "json" } });

/** British English, as the texts are written. */
const locale = language === "en" ? "en-GB" : language;
const plurals = new Intl.PluralRules(locale);
const lists = new Intl.ListFormat(locale);
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
/** By the number of their decimals. @type {Map<number | undefined, Intl.NumberFormat>} */
const numbers = new Map();

/**
 * A text with values in place of its `{names}`. If it has forms of the plural, `count` chooses one.
 *
 * @param {Key} key
 * @param {Record<string, string | number>} values numbers are written in the language of the page
 */
export function text(key, values = {}) {
  const entry = entries[key];
  const form = typeof entry === "string" ? entry : (entry[plurals.select(Number(values.count))] ?? entry.other ?? "");
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : String(value);
  });
}

/** @param {string} name @returns {name is Key} whether there is a text with this name */
export const isKey = (name) => Object.hasOwn(entries, name);

/** @param {number} value @param {number} [decimals] by default as many as it needs, at most three */
export function number(value, decimals) {
  let format = numbers.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat(locale, decimals === undefined ? {} : { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    numbers.set(decimals, format);
  }
  return format.format(value);
}

/** @param {string} day such as "2026-11-29" */
export const date = (day) => dates.format(new Date(day));

/** Names in a sentence, such as "Ann, Bob and Eve". @param {string[]} names */
export const list = (names) => lists.format(names);

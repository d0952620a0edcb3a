/** Who works in this browser: a random id and a name, in a cookie that the server reads. */

import { newKey } from "./queue.js";

const COOKIE = "vpuformer-person";
const YEAR = 365 * 24 * 3600;
export const MAX_NAME = 100;

/** The name in the cookies of a page; empty if there is none. @param {string} cookies */
export function nameIn(cookies) {
  const [, name = ""] = new RegExp(`(?:^|; )${COOKIE}=[0-9a-f]+\\.([^;]*)`).exec(cookies) ?? [];
  try {
    return decodeURIComponent(name);
  } catch {
    return "";
  }
}

/** @param {string} browser random id @param {string} name */
export function cookieFor(browser, name) {
  const shown = name.replace(/\p{Cs}/gu, "").trim(); // half of a surrogate pair cannot be encoded
  return `${COOKIE}=${browser}.${encodeURIComponent(shown)}; Path=/; Max-Age=${YEAR}; SameSite=Strict`;
}

export class Person {
  #browser = new RegExp(`(?:^|; )${COOKIE}=([0-9a-f]{16,64})\\.`).exec(document.cookie)?.[1] ?? newKey();

  constructor() {
    this.name = nameIn(document.cookie); // keeps the id of the browser for another year
  }

  get name() {
    return nameIn(document.cookie);
  }

  set name(name) {
    document.cookie = cookieFor(this.#browser, name);
  }
}

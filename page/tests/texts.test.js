import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import ts from "typescript";

import { LANGUAGES, languageFor } from "../../src/vpuformer/app/page/language.js";
import { date, list, number, text } from "../../src/vpuformer/app/page/texts.js";

const PAGE = new URL("../../src/vpuformer/app/page/", import.meta.url);
const HTML = readFileSync(new URL("index.html", PAGE), "utf-8");
/** The list of operations for programmers stays English; `types.js` has comments alone. */
const ENGLISH = ["docs.js", "types.js"];
const MODULES = readdirSync(PAGE).filter((name) => name.endsWith(".js") && !ENGLISH.includes(name));

const CODES = Object.keys(LANGUAGES);
const entriesOf = (code) => JSON.parse(readFileSync(new URL(`texts/${code}.json`, PAGE), "utf-8"));
const TEXTS = Object.fromEntries(CODES.map((code) => [code, entriesOf(code)]));
const KEYS = Object.keys(TEXTS.en);

const formsOf = (entry) => (typeof entry === "string" ? { other: entry } : entry);
const placeholders = (form) => [...form.matchAll(/\{(.*?)\}/g)].map(([, name]) => name).sort();

test("every language has a file, and the same texts in the same order", () => {
  assert.deepEqual(readdirSync(new URL("texts/", PAGE)).sort(), CODES.map((code) => `${code}.json`).sort());
  for (const code of CODES) assert.deepEqual(Object.keys(TEXTS[code]), KEYS, code);
});

test("every text has the forms of the plural that its language needs, and the values of the English one", () => {
  for (const code of CODES) {
    const categories = new Intl.PluralRules(code).resolvedOptions().pluralCategories.sort();
    for (const key of KEYS) {
      const [own, english] = [TEXTS[code][key], TEXTS.en[key]];
      const where = `${code}: ${key}`;
      assert.deepEqual(Object.keys(formsOf(own)).sort(), typeof english === "string" ? ["other"] : categories, where);
      const wanted = placeholders(formsOf(english).other);
      for (const [category, form] of Object.entries(formsOf(own))) {
        const found = placeholders(form);
        // "an object" is a good singular.
        if (category === "one" && !found.includes("count")) assert.deepEqual(found, wanted.filter((name) => name !== "count"), where);
        else assert.deepEqual(found, wanted, where);
        assert.ok(form.trim() === form && form && !/ {2}|[<>]/.test(form), where);
      }
    }
  }
});

/** A key, or the part of one before what the code puts in: `state.${name}`. */
const KEY = /^[a-z]+\.[\w.]*$/i;

/** Strings of a module and the nodes that hold them; a template gives its parts between the values. */
function stringsIn(name) {
  const source = ts.createSourceFile(name, readFileSync(new URL(name, PAGE), "utf-8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const found = [];
  const visit = (node) => {
    if (ts.isStringLiteralLike(node)) found.push({ node, parts: [node.text] });
    else if (ts.isTemplateExpression(node)) found.push({ node, parts: [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)] });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

test("every text is used, and every text that the page names exists", () => {
  const named = [...HTML.matchAll(/data-text[a-z-]*="(.*?)"/g)].map(([, key]) => key);
  assert.deepEqual(named.filter((key) => !KEYS.includes(key)), []);
  const patterns = MODULES.flatMap(stringsIn).map(({ parts }) => parts).filter(([first]) => KEY.test(first));
  const used = new Set([...named, ...patterns.filter(({ length }) => length === 1).map(([key]) => key)]);
  const templates = patterns.filter(({ length }) => length > 1).map((parts) => new RegExp(`^${parts.map((part) => part.replaceAll(".", "\\.")).join("\\w+")}$`));
  assert.deepEqual(KEYS.filter((key) => !used.has(key) && !templates.some((template) => template.test(key))), []);
});

/** What reads like words for people: two words, or one with a capital. */
const READABLE = /\p{L}{2,}[,.:;]? \p{L}|^\p{Lu}\p{Ll}/u;
/** Words that nobody reads: keys of the keyboard, headers of requests, what the browser gives and takes. */
const NAMES = [
  /^((Ctrl|Control|Alt|Shift|Meta)\+?)*([a-z]|(Arrow|Page)?(Up|Down|Left|Right)|Enter|Escape|Tab|Delete|Backspace|Home|End)?$/,
  /^(Content-\w+|Retry-After|X-VPUFormer|Files|use strict)$/,
];
/** Functions whose arguments are selectors, media queries, parts of names, or errors for programmers. */
const INTERNAL = ["querySelector", "querySelectorAll", "closest", "matches", "matchMedia", "endsWith", "Error", "RangeError", "RegExp"];

/** @param {string} part */
const isRead = (part) => READABLE.test(part) && !NAMES.some((name) => name.test(part)) && !Object.values(LANGUAGES).includes(part);

/** @param {ts.Node} node */
function isInternal(node) {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent) && parent.initializer !== node) return true;
  for (let each = parent; each; each = each.parent) {
    if (ts.isPropertyAssignment(each)) return each.name.getText() === "class";
    if (ts.isCallExpression(each) || ts.isNewExpression(each)) {
      const called = ts.isPropertyAccessExpression(each.expression) ? each.expression.name.text : each.expression.getText();
      return INTERNAL.includes(called);
    }
  }
  return false;
}

test("no module has a text of its own", () => {
  const found = MODULES.flatMap((name) => stringsIn(name)
    .filter(({ node, parts }) => !KEY.test(parts[0]) && parts.some(isRead) && !isInternal(node))
    .map(({ parts }) => `${name}: ${parts.join("{}")}`));
  assert.deepEqual(found, []);
});

test("the page itself has no text but its name", () => {
  const outside = HTML.replace(/<[^>]*>/g, " ").replaceAll("&nbsp;", " ").split(/\s+/).filter(Boolean);
  assert.deepEqual([...new Set(outside)], ["VPUFormer"]);
  assert.deepEqual(HTML.match(/ (title|aria-label|aria-description|placeholder|alt|value|label)="[^"]*\p{L}[^"]*"/gu), null);
});

test("the language is the one that was chosen, or the first of the browser's that the page has", () => {
  assert.equal(languageFor(null, ["it-IT", "de-AT", "fr"]), "de");
  assert.equal(languageFor("zh", ["de"]), "zh");
  assert.equal(languageFor("tlh", ["fr-CA"]), "fr");
  assert.equal(languageFor(null, ["it", "constructor"]), "en");
  assert.equal(languageFor(null, []), "en");
});

test("a text takes values as they are, and numbers as its language writes them", () => {
  assert.equal(text("objects.count", { count: 1 }), "1 object");
  assert.equal(text("objects.count", { count: 12_345 }), "12,345 objects");
  assert.equal(text("import.failed", { file: "a{reason}$&.png", reason: "<b>" }), "Not imported: a{reason}$&.png. <b>");
  assert.deepEqual([number(0.5, 2), number(1234.5678), date("2026-11-29")], ["0.50", "1,234.568", "29 Nov 2026"]);
  assert.equal(list(["Ann", "Bob", "Eve"]), "Ann, Bob and Eve");
});

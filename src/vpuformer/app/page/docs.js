/** Lists the operations of `/openapi.json`: parameters, request bodies and answers. */

import { make } from "./dom.js";

/** @typedef {Record<string, any>} Json */

/**
 * The type of a value in TypeScript notation.
 *
 * @param {Json | undefined} schema
 * @returns {string}
 */
export function formOf(schema) {
  if (!schema) return "anything";
  if (schema.$ref) return String(schema.$ref).split("/").at(-1) ?? "";
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ each) => JSON.stringify(each)).join(" | ");
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.map(formOf).join(" | ");
  if (schema.type === "array") {
    return schema.prefixItems ? `[${schema.prefixItems.map(formOf).join(", ")}]` : `${formOf(schema.items)}[]`;
  }
  return schema.type ?? "anything";
}

/**
 * The fields of an object, one per line.
 *
 * @param {Json} schema
 */
export function fieldsOf(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {})
    .map(([name, field]) => `${name}${required.has(name) ? "" : "?"}: ${formOf(field)}`)
    .join("\n");
}

/** @param {Json} api @param {Json | undefined} content */
function body(api, content) {
  const [kind, first] = Object.entries(content ?? {})[0] ?? [];
  if (!kind) return [];
  const form = formOf(first.schema);
  const schema = api.components?.schemas?.[form.replace(/\[\]$/, "")];
  return [make("p", {}, make("code", {}, form), ` as ${kind}`), ...(schema?.properties ? [make("pre", {}, fieldsOf(schema))] : [])];
}

/** @param {Json} api @param {string} path @param {string} method @param {Json} operation */
function entry(api, path, method, operation) {
  const parts = [];
  if (operation.description) parts.push(make("p", {}, operation.description));
  if (operation.parameters?.length) {
    parts.push(make("h3", {}, "Parameters"), make("table", {}, ...operation.parameters.map((/** @type {Json} */ each) =>
      make("tr", {}, make("td", {}, make("code", {}, each.name)), make("td", {}, each.in), make("td", {}, formOf(each.schema)), make("td", {}, each.required ? "required" : "")))));
  }
  if (operation.requestBody) parts.push(make("h3", {}, "Takes"), ...body(api, operation.requestBody.content));
  for (const [status, response] of Object.entries(operation.responses ?? {})) {
    if (Number(status) < 300) parts.push(make("h3", {}, `Gives ${status}`), ...body(api, response.content));
  }
  return make("details", {},
    make("summary", {}, make("span", { class: `method ${method}` }, method.toUpperCase()), make("code", {}, path), make("span", { class: "quiet" }, operation.summary ?? "")),
    make("div", { class: "body" }, ...parts));
}

/** @param {Json} api */
function show(api) {
  const title = document.getElementById("title");
  const about = document.getElementById("about");
  if (title) title.textContent = `${api.info?.title ?? "Server"} ${api.info?.version ?? ""}`;
  if (about) about.textContent = `${api.info?.summary ?? api.info?.description ?? ""}. The whole description: /openapi.json`;
  /** @type {Map<string, HTMLElement[]>} */
  const groups = new Map();
  for (const [path, methods] of Object.entries(api.paths ?? {})) {
    for (const [method, operation] of Object.entries(methods)) {
      const group = operation.tags?.[0] ?? path.split("/").slice(1, 3).join("/").replace(/\{.*/, "");
      groups.set(group, [...(groups.get(group) ?? []), entry(api, path, method, operation)]);
    }
  }
  document.getElementById("operations")?.replaceChildren(
    ...[...groups].flatMap(([name, entries]) => [make("h2", {}, name || "/"), ...entries]));
}

if (typeof document !== "undefined") {
  try {
    show(await (await fetch("openapi.json")).json());
  } catch {
    document.getElementById("operations")?.replaceChildren("The list cannot be read. Is the server still running?");
  }
}

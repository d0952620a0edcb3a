/** Attributes of objects: their definitions, and values as people type them. */

/** @typedef {import("./types.js").Attribute} Attribute */
/** @typedef {import("./types.js").Project} Project */

/**
 * The attributes to show for an object: those of its label, those of all labels, and values without a definition.
 *
 * @param {Project | null} project
 * @param {{label: number | null, attributes: Record<string, string | number>}} object
 * @returns {Attribute[]}
 */
export function attributesOf(project, { label, attributes }) {
  const own = project?.labels.find(({ id }) => id === label)?.attributes ?? [];
  const names = new Set(own.map(({ name }) => name));
  const defined = [...own, ...(project?.label_settings.attributes ?? []).filter(({ name }) => !names.has(name))];
  for (const { name } of defined) names.add(name);
  const others = Object.entries(attributes).filter(([name]) => !names.has(name));
  return [...defined, ...others.map(([name, value]) => numberOrText(name, value))];
}

/** @param {string} name @param {string | number} value @returns {Attribute} */
const numberOrText = (name, value) => ({ name, kind: typeof value === "number" ? "number" : "text", choices: [] });

/**
 * A value as it is stored; null for none.
 *
 * @param {Attribute} attribute
 * @param {string} text
 * @returns {string | number | null}
 */
export function valueOf({ kind }, text) {
  const trimmed = text.normalize().trim();
  if (!trimmed) return null;
  const value = kind === "number" ? Number(trimmed) : trimmed;
  return Number.isNaN(value) ? null : value;
}

/**
 * The names in a text with commas, each once.
 *
 * @param {string} text
 */
export function namesIn(text) {
  return [...new Set(text.normalize().split(/[,，]/).map((part) => part.trim().slice(0, 200)).filter(Boolean))];
}

import assert from "node:assert/strict";
import { test } from "node:test";

import { fieldsOf, formOf } from "../../src/vpuformer/app/page/docs.js";

test("the form of a schema in few words", () => {
  assert.equal(formOf({ anyOf: [{ $ref: "#/components/schemas/RleMask" }, { type: "null" }] }), "RleMask | null");
  assert.equal(formOf({ type: "array", items: { type: "array", prefixItems: [{ type: "number" }, { type: "number" }] } }), "[number, number][]");
  assert.equal(fieldsOf({ required: ["a"], properties: { a: { type: "integer" }, b: { enum: ["x", "y"] } } }), 'a: integer\nb?: "x" | "y"');
});

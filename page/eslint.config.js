import js from "@eslint/js";

// Run from the root of the repository: files above the folder where it runs are none of its business.
const files = ["src/vpuformer/app/page/*.js", "src/vpuformer/web/page/*.js", "page/tests/*.js", "page/*.js"];

export default [
  { ...js.configs.recommended, files },
  {
    files,
    languageOptions: { ecmaVersion: 2025, sourceType: "module" },
    rules: {
      // Names that do not exist are found by tsc, which knows those of the browser.
      "no-undef": "off",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      eqeqeq: "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "max-lines": ["error", 300],
    },
  },
];

import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    rules: {
      "no-unused-vars": "error",
      "no-undef": "error",
      "prefer-const": "error",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  { files: ["trainers/**/*.js", "notebooks/**/*.js"], languageOptions: { globals: globals.browser } },
  { files: ["notebooks/**/labextensions/**/*.js"], languageOptions: { sourceType: "script" } },
  { files: ["tests/javascript/**/*.js"], languageOptions: { globals: globals.node } },
];

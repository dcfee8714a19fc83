import pulumi from "@pulumi/eslint-plugin";
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

// One way in: a layer may import itself and the layers below it (docs/design.md, "Layout").
const layers = [
    { target: "./handlers", from: ["./components", "./local", "./tests"], except: [] },
    { target: "./components", from: ["./local", "./tests", "./config.ts", "./index.ts"] },
    { target: "./config.ts", from: ["./local", "./tests"] },
    { target: "./index.ts", from: ["./local", "./tests"] },
    { target: "./local", from: ["./tests"] },
];

export default tseslint.config(
    { ignores: ["node_modules/", ".tools/", ".local/", "dist/"] },
    ...tseslint.configs.recommendedTypeChecked,
    {
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        plugins: { "@pulumi": pulumi, "import-x": importX },
        rules: {
            curly: "error",
            eqeqeq: "error",
            "@pulumi/no-output-in-template-literal": "error",
            "import-x/no-restricted-paths": ["error", { zones: layers }],
            "import-x/no-default-export": "error",
            "@typescript-eslint/no-floating-promises": "error",
            "@typescript-eslint/switch-exhaustiveness-check": "error",
        },
    },
    {
        // chai's `expect(x).to.be.true` is an expression on purpose.
        files: ["tests/**/*.ts"],
        rules: { "@typescript-eslint/no-unused-expressions": "off" },
    },
    { files: ["**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);

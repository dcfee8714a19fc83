import { readdirSync } from "node:fs";

import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

/** One way in (docs/design.md, "Layout"): files of `layer` may not import from `above`. */
function layer(files, above) {
    const patterns = [{ regex: `^(\\.\\./)+(${above.join("|")})(/|$)`, message: "See docs/design.md, Layout." }];
    return { files, rules: { "no-restricted-imports": ["error", { patterns }] } };
}

/** Of local/, from the lowest up. */
const floors = ["machine", "internet", "tasks", "aws", "pulumi", "system", "commands", "cli"];
/** What all services share knows none of them. */
const shared = ["gateway", "models", "permissions", "resources"];
const services = readdirSync(new URL("local/aws/", import.meta.url)).filter((folder) => !shared.includes(folder));

export default tseslint.config(
    { ignores: ["node_modules/", ".tools/", ".local/", "dist/", "examples/"] },
    ...tseslint.configs.recommendedTypeChecked,
    {
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        plugins: { "@pulumi": pulumi },
        rules: {
            curly: "error",
            eqeqeq: "error",
            "@pulumi/no-output-in-template-literal": "error",
            "no-restricted-syntax": ["error", { selector: "ExportDefaultDeclaration", message: "Export by name." }],
            "@typescript-eslint/switch-exhaustiveness-check": "error",
        },
    },
    layer(["client/**"], ["handlers", "components", "local", "tests", "config", "index"]),
    layer(["handlers/**"], ["client", "components", "policy", "local", "tests", "config", "index"]),
    layer(["components/**"], ["client", "policy", "local", "tests", "config", "index"]),
    layer(["policy/**"], ["client", "handlers", "local", "tests", "config"]),
    ...floors.map((floor, at) => layer([`local/${floor}/**`, `local/${floor}.ts`], [...floors.slice(at + 1), "tests"])),
    layer([`local/aws/{${shared.join(",")}}/**`], [...services, "pulumi", "system", "commands", "cli", "tests"]),
    {
        // chai's `expect(x).to.be.true` is an expression on purpose.
        files: ["tests/**/*.ts"],
        rules: { "@typescript-eslint/no-unused-expressions": "off" },
    },
    {
        files: ["**/*.mjs", "**/*.cjs"],
        extends: [tseslint.configs.disableTypeChecked],
        rules: {
            "@pulumi/no-output-in-template-literal": "off", // it needs types
            "@typescript-eslint/no-require-imports": "off",
        },
    },
    { files: ["eslint.config.mjs"], rules: { "no-restricted-syntax": "off" } },
);

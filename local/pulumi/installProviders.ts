import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { home, isPackage, projectRoot } from "../machine/projectRoot";
import { replaceFile } from "../machine/replaceFile";

type Typescript = typeof import("typescript");

const cache = join(home, ".tools/cache");
/** Of Node: the SDKs are the same for every operation and need not be compiled anew. */
export const compileCache = join(cache, "compiled");

/** Providers, and the modules that are these here. */
const providers = { aws: "aws", awsx: "awsx", "docker-build": "dockerBuild" };

/**
 * Installs the providers of the local system where the engine looks for them:
 * `<PULUMI_HOME>/plugins/resource-<name>-v<version>/pulumi-resource-<name>`.
 */
export function installProviders(pulumiHome: string, program: string): void {
    const javascript = isPackage ? projectRoot : transpile(join(cache, "providers"));
    const requires = [createRequire(__filename), createRequire(program)];
    for (const [name, script] of Object.entries(providers)) {
        // A program asks for the provider of the very version its SDK has.
        for (const version of new Set(requires.flatMap((require) => sdkVersion(require, name)))) {
            const folder = join(pulumiHome, "plugins", `resource-${name}-v${version}`);
            const module = join(javascript, `local/pulumi/providers/${script}.js`);
            installScript(folder, `pulumi-resource-${name}`, `'${module}'`);
        }
    }
    // What runs policy packs: a released CLI brings it, one that is built from source does not. Its working directory is the pack's.
    const module = 'require.resolve("@pulumi/pulumi/cmd/run-policy-pack/index.js")';
    installScript(
        join(pulumiHome, "plugins/analyzer-policy-nodejs-v0.0.1"),
        "pulumi-analyzer-policy-nodejs",
        `"$('${process.execPath}' -p '${module}')"`,
    );
}

/** A program that has Node run a module, which is written as the shell knows it. */
function installScript(folder: string, name: string, module: string): void {
    mkdirSync(folder, { recursive: true });
    replaceFile(join(folder, name), `#!/bin/sh\nexec '${process.execPath}' ${module} "$@"\n`, 0o755);
}

function sdkVersion(require: NodeJS.Require, name: string): string[] {
    try {
        return [(require(`@pulumi/${name}/package.json`) as { version: string }).version];
    } catch {
        return []; // it does without this SDK
    }
}

/**
 * The providers' modules as JavaScript, where they are not that yet. The engine starts several providers for each
 * operation: through ts-node each would take a second longer.
 */
function transpile(target: string): string {
    const stale = sources().filter(
        (source) => modified(scriptOf(target, source)) < modified(join(projectRoot, source)),
    );
    if (stale.length > 0) {
        // Only now: to load the compiler takes half a second.
        const { ModuleKind, ScriptTarget, transpileModule } = createRequire(__filename)("typescript") as Typescript;
        for (const source of stale) {
            const { outputText } = transpileModule(readFileSync(join(projectRoot, source), "utf8"), {
                compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true },
            });
            mkdirSync(dirname(scriptOf(target, source)), { recursive: true });
            replaceFile(scriptOf(target, source), outputText);
        }
    }
    return target;
}

function sources(): string[] {
    const below = (folder: string): string[] =>
        (readdirSync(join(projectRoot, folder), { recursive: true }) as string[]).map((file) => `${folder}/${file}`);
    return [
        "components/internal/task/buildContext.ts",
        ...["machine", "tasks/images", "aws", "pulumi/providers"].flatMap((folder) => below(`local/${folder}`)),
    ].filter((file) => file.endsWith(".ts"));
}

function scriptOf(target: string, source: string): string {
    return join(target, source.replace(/\.ts$/, ".js"));
}

function modified(path: string): number {
    return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

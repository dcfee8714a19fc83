import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import type { SystemFile } from "../systemFile";

export const projectRoot = resolve(__dirname, "../..");

export interface Workspace {
    /** Where the engine works: its own Pulumi.yaml points at the program. The program's folder is left as it is. */
    readonly directory: string;
    readonly projectName: string;
    /** The program's folder, and its working directory. */
    readonly programDirectory: string;
    readonly pulumiHome: string;
    readonly backendUrl: string;
}

type Settings = Record<string, unknown>;

/** Lays out what the engine needs to run a program: project, stack configuration, backend, provider plugins. */
export function prepareWorkspace(
    system: SystemFile,
    program: string,
    stack: string,
    config: Readonly<Record<string, string>>,
): Workspace {
    const programDirectory = dirname(program);
    const project: Settings = {
        name: basename(programDirectory),
        runtime: "nodejs",
        ...readYaml(join(programDirectory, "Pulumi.yaml")),
    };
    const projectName = String(project.name);
    const directory = join(system.directory, "workspaces", projectName, stack);
    const state = join(system.directory, "pulumi");
    const pulumiHome = join(system.directory, "pulumi-home");
    [directory, state].forEach((path) => mkdirSync(path, { recursive: true }));
    writeFileSync(join(directory, "Pulumi.yaml"), stringify({ ...project, main: programDirectory }));
    writeFileSync(join(directory, `Pulumi.${stack}.yaml`), stackSettings(programDirectory, projectName, stack, config));
    installProviders(pulumiHome, program);
    return { directory, projectName, programDirectory, pulumiHome, backendUrl: `file://${state}` };
}

function stackSettings(
    programDirectory: string,
    projectName: string,
    stack: string,
    config: Readonly<Record<string, string>>,
): string {
    const settings = readYaml(join(programDirectory, `Pulumi.${stack}.yaml`));
    const overlay = Object.entries(config).map(([key, value]) => [
        key.includes(":") ? key : `${projectName}:${key}`,
        value,
    ]);
    return stringify({ ...settings, config: { ...(settings.config as Settings), ...Object.fromEntries(overlay) } });
}

function readYaml(path: string): Settings {
    return existsSync(path) ? ((parse(readFileSync(path, "utf8")) as Settings | null) ?? {}) : {};
}

/** The engine starts a provider as `<PULUMI_HOME>/plugins/resource-<name>-v<version>/pulumi-resource-<name>`. */
function installProviders(pulumiHome: string, program: string): void {
    for (const name of ["aws", "awsx"]) {
        const ours = createRequire(__filename);
        const theirs = createRequire(program);
        for (const version of new Set([ours, theirs].flatMap((require) => sdkVersion(require, name)))) {
            const folder = join(pulumiHome, "plugins", `resource-${name}-v${version}`);
            mkdirSync(folder, { recursive: true });
            writeFileSync(join(folder, `pulumi-resource-${name}`), launcher(name), { mode: 0o755 });
        }
    }
}

/** A program asks for the provider of the very version its SDK has. */
function sdkVersion(require: NodeJS.Require, name: string): string[] {
    try {
        return [(require(`@pulumi/${name}/package.json`) as { version: string }).version];
    } catch {
        return []; // it does without this SDK
    }
}

function launcher(name: string): string {
    const transpile = require.resolve("ts-node/register/transpile-only");
    const main = join(projectRoot, "local/provider", `${name}.ts`);
    return [
        "#!/bin/sh",
        `export TS_NODE_PROJECT='${join(projectRoot, "tsconfig.json")}'`,
        `exec '${process.execPath}' -r '${transpile}' '${main}' "$@"`,
        "",
    ].join("\n");
}

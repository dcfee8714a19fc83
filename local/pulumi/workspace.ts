import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse, stringify } from "yaml";
import { isPackage } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";
import { installProviders } from "./installProviders";

export interface Workspace {
    /** Where the engine works: its own Pulumi.yaml points at the program. The program's folder is left as it is. */
    readonly directory: string;
    readonly projectName: string;
    /** The program's folder, and its working directory. */
    readonly programDirectory: string;
    readonly pulumiHome: string;
    readonly backendUrl: string;
}

/** A stack's configuration, as a Pulumi.<stack>.yaml has it: text, lists, objects. */
export type Config = Readonly<Record<string, unknown>>;

type Settings = Record<string, unknown>;

/** Lays out what the engine needs to run a program: project, stack configuration, backend, provider plugins. */
export function prepareWorkspace(system: SystemFile, program: string, stack: string, config: Config): Workspace {
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

function stackSettings(programDirectory: string, projectName: string, stack: string, config: Config): string {
    const settings = readYaml(join(programDirectory, `Pulumi.${stack}.yaml`));
    const merged: Settings = {
        ...(isPackage && { "aws:region": "eu-west-1" }), // somebody else's project may have it from the environment
        ...(settings.config as Settings | undefined),
    };
    for (const [key, value] of Object.entries(config)) {
        merged[key.includes(":") ? key : `${projectName}:${key}`] = value;
    }
    return stringify({ ...settings, config: merged });
}

function readYaml(path: string): Settings {
    return existsSync(path) ? ((parse(readFileSync(path, "utf8")) as Settings | null) ?? {}) : {};
}

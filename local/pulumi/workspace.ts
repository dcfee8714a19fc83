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
    const projectName = String(projectOf(programDirectory).name);
    const directory = join(system.directory, "workspaces", projectName, stack);
    const state = join(system.directory, "pulumi");
    const pulumiHome = join(system.directory, "pulumi-home");
    mkdirSync(state, { recursive: true });
    const settings = readYaml(join(programDirectory, `Pulumi.${stack}.yaml`));
    layOut(directory, program, stack, config, settings);
    installProviders(pulumiHome, program);
    return { directory, projectName, programDirectory, pulumiHome, backendUrl: `file://${state}` };
}

/** A folder from which the engine runs a program that stands elsewhere; `settings` are those of the stack's file, and `config` on top of its. */
export function layOut(
    directory: string,
    program: string,
    stack: string,
    config: Config,
    settings: Readonly<Settings>,
): void {
    const main = dirname(program);
    const project = projectOf(main);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "Pulumi.yaml"), stringify({ ...project, main }));
    writeFileSync(join(directory, `Pulumi.${stack}.yaml`), stackSettings(settings, String(project.name), config));
}

function projectOf(programDirectory: string): Settings {
    const given = readYaml(join(programDirectory, "Pulumi.yaml"));
    return { name: basename(programDirectory), runtime: "nodejs", ...given };
}

function stackSettings(settings: Readonly<Settings>, projectName: string, config: Config): string {
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

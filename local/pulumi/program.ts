// Which Pulumi program is brought up: the checkout's own, or that of the project the package is used in.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

import { parse } from "yaml";

import { isPackage, projectRoot } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";

/** A program, and the stack of it that the local system has. */
export interface Deployed {
    /** The program's module; of a YAML program its Pulumi.yaml. */
    readonly program: string;
    readonly projectName: string;
    readonly stack: string;
}

interface Project {
    readonly name?: string;
    readonly main?: string;
    readonly runtime?: string | { readonly name?: string };
}

/**
 * The program of a folder.
 *
 * @throws when there is no Pulumi.yaml, or its language is none that runs here
 */
export function programOf(folder: string): string {
    const file = join(folder, "Pulumi.yaml");
    if (!existsSync(file)) {
        throw new Error(`${folder} has no Pulumi.yaml: go to the folder of your Pulumi project.`);
    }
    const { main = "", runtime } = parse(readFileSync(file, "utf8")) as Project;
    const language = typeof runtime === "string" ? runtime : runtime?.name;
    if (language === "yaml") {
        return file;
    }
    if (language !== "nodejs") {
        throw new Error(
            `${file}: runtime ${language ?? "is missing"}. The local system runs programs in TypeScript, JavaScript and YAML.`,
        );
    }
    const given = resolve(folder, main);
    const candidates = [given, join(given, "index.ts"), join(given, "index.js"), join(given, mainOf(given))];
    const found = candidates.find((path) => /\.[cm]?[jt]s$/.test(path) && existsSync(path));
    if (found === undefined) {
        throw new Error(
            `${file}: there is neither index.ts nor index.js in ${given}; \`main\` names the program's module.`,
        );
    }
    return found;
}

function mainOf(folder: string): string {
    const file = join(folder, "package.json");
    return existsSync(file) ? ((JSON.parse(readFileSync(file, "utf8")) as { main?: string }).main ?? "") : "";
}

/** What is brought up here when nothing else is said: the checkout's own program, or the project's in the working directory. */
export function chosenProgram(stack?: string): Deployed {
    const folder = isPackage ? projectFolder() : projectRoot;
    const program = programOf(folder);
    const { name = basename(folder) } = parse(readFileSync(join(folder, "Pulumi.yaml"), "utf8")) as Project;
    return { program, projectName: name, stack: stack ?? "local" };
}

/** The nearest folder with a Pulumi.yaml, from the working directory up. */
export function projectFolder(from = process.cwd()): string {
    const folders = from.split("/").map((_, at, parts) => parts.slice(0, parts.length - at).join("/") || "/");
    return folders.find((folder) => existsSync(join(folder, "Pulumi.yaml"))) ?? from;
}

function deployedFile(directory: string): string {
    return join(directory, "deployed.json");
}

/** Remembers what was brought up, for the commands that ask about it. */
export function rememberDeployed({ directory }: SystemFile, deployed: Deployed): void {
    writeFileSync(deployedFile(directory), JSON.stringify(deployed, undefined, 4) + "\n");
}

/** What was brought up last; the default program when nothing was yet. */
export function lastDeployed({ directory }: SystemFile): Deployed {
    const file = deployedFile(directory);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Deployed) : chosenProgram();
}

/** The folder of a program's project. */
export function folderOf({ program }: Deployed): string {
    return projectFolder(dirname(program));
}

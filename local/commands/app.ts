// A program of one's own as the app of the tasks: `npm start -- --app <folder>`.
import { existsSync, statSync, watch } from "node:fs";
import { join, resolve } from "node:path";

import { buildImage } from "../tasks/images/dockerfile";
import { findImage, type LocalApp } from "../tasks/images/images";

/**
 * The program of a folder: the words given, or what the folder's Dockerfile starts.
 *
 * @throws when neither says what to run
 */
export function appOf(given: string, command: string | undefined, port: number): LocalApp {
    const folder = resolve(given);
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
        throw new Error(`--app ${given}: there is no folder ${folder}.`);
    }
    if (command !== undefined) {
        return { folder, command: ["/bin/sh", "-c", `exec ${command}`], port };
    }
    if (!existsSync(join(folder, "Dockerfile"))) {
        throw new Error(`--app ${given}: ${folder} has no Dockerfile. Say what to run: --command "node server.mjs".`);
    }
    try {
        const { config } = buildImage({ context: folder }, (base) => findImage(base, "") !== undefined);
        const words = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
        if (words.length === 0) {
            throw new Error("it has neither ENTRYPOINT nor CMD");
        }
        return { folder, command: words, port };
    } catch (error) {
        throw new Error(
            `--app ${given}: its Dockerfile cannot be followed here: ${(error as Error).message}. Say what to run instead: --command "node server.mjs".`,
            { cause: error },
        );
    }
}

/** Calls `act` some moments after a file below the folder has changed; one call at a time. */
export function onFileChange(folder: string, signal: AbortSignal, act: () => Promise<void>): void {
    let timer: NodeJS.Timeout | undefined;
    let acting: Promise<void> = Promise.resolve();
    watch(folder, { recursive: true, signal }, (_, file) => {
        if (!/(^|\/)(node_modules|\.git|\.taskgate|\.local)(\/|$)/.test(file ?? "")) {
            clearTimeout(timer);
            timer = setTimeout(() => {
                acting = acting.then(act);
            }, 300);
        }
    }).on("error", () => undefined); // it has been told to end
}

import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { Caller, hostnameOf, urlOf } from "../internet/caller";
import { addressOf, visit } from "../internet/visitor";
import { chosenCallers, runningTasks, taskCalled } from "./chosen";

export function define(command: Command): void {
    command
        .argument("[task]", "its id, or how it begins; none: the only one that runs")
        .option("--print", "print the command that would open it instead")
        .action(async (given: string | undefined, { print }: { print?: boolean }) => {
            const running = await runningTasks(chosenCallers(command));
            const { caller, id } =
                given === undefined && running.length === 1 ? running[0] : taskCalled(running, given ?? "");
            console.log(await (print ? browserCommand(caller, id) : openTask(caller, id)));
        });
}

/** Opens a task in a browser and gives its URL, or tells how to look at it where there is none. */
export async function openTask(caller: Caller, id: string): Promise<string> {
    const browser = findBrowser();
    if (browser !== undefined && (process.env.DISPLAY || process.env.WAYLAND_DISPLAY)) {
        spawn(browser, await browserWords(caller, id), { detached: true, stdio: "ignore" }).unref();
        return urlOf(caller, id);
    }
    const hostname = hostnameOf(caller, id);
    const { httpsPort, acme } = caller.system;
    const to = `${hostname}:${httpsPort}:${await addressOf(caller.system, hostname)}`;
    return (
        `${browser === undefined ? "There is no Chrome or Chromium on the PATH" : "There is no display"}: look at it with\n` +
        `  curl --cacert ${acme.rootFile} --resolve ${to} ${urlOf(caller, id)}`
    );
}

async function browserCommand(caller: Caller, id: string): Promise<string> {
    return [findBrowser() ?? "google-chrome", ...(await browserWords(caller, id))].map(quoted).join(" ");
}

/**
 * What Chrome is told: it neither asks our DNS server nor knows our certificate authority, so it gets the one address
 * and the one key, in a profile of its own.
 */
export async function browserWords(caller: Caller, id: string): Promise<string[]> {
    const { system } = caller;
    const hostname = hostnameOf(caller, id);
    const { certificate, authorized } = await visit(system, hostname);
    if (!authorized) {
        throw new Error(`${hostname} has a certificate that is not of the local authority: it is not opened.`);
    }
    const spki = new X509Certificate(certificate.raw).publicKey.export({ type: "spki", format: "der" });
    return [
        `--user-data-dir=${join(system.directory, "browser")}`,
        "--no-first-run",
        `--host-resolver-rules=MAP ${hostname} ${await addressOf(system, hostname)}`,
        `--ignore-certificate-errors-spki-list=${createHash("sha256").update(spki).digest("base64")}`,
        urlOf(caller, id),
    ];
}

function findBrowser(): string | undefined {
    const names = ["google-chrome", "google-chrome-stable", "chromium", "chromium-browser", "microsoft-edge"];
    const folders = (process.env.PATH ?? "").split(":");
    return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

function isExecutable(path: string): boolean {
    try {
        accessSync(path, constants.X_OK);
        return true;
    } catch {
        return false;
    }
}

function quoted(word: string): string {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

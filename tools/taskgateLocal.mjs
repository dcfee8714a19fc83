#!/usr/bin/env node
// The command of the package taskgate-local: makes ready what it runs with, once, and then hands over.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));

/** The nearest folder with a Pulumi.yaml, from the working directory up. */
function projectFolder() {
    for (let folder = process.cwd(); ; folder = path.dirname(folder)) {
        if (fs.existsSync(path.join(folder, "Pulumi.yaml"))) {
            return folder;
        }
        if (folder === path.dirname(folder)) {
            return process.cwd();
        }
    }
}

const project = projectFolder();
const home = process.env.TASKGATE_LOCAL_HOME ?? path.join(project, ".taskgate");
process.env.TASKGATE_LOCAL_HOME = home;
// The tools are the same for every project of this user.
const shared =
    process.env.TASKGATE_LOCAL_TOOLS ??
    path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), ".cache"), "taskgate-local", version);
const words = process.argv.slice(2);
const needsTools =
    ["start", "up", "preview", "destroy"].includes(words.find((word) => !word.startsWith("-")) ?? "") &&
    !words.includes("--help");
if (needsTools) {
    fs.mkdirSync(shared, { recursive: true });
    fs.mkdirSync(home, { recursive: true });
    fs.writeFileSync(path.join(home, ".gitignore"), "*\n");
    const link = path.join(home, ".tools");
    if (!fs.existsSync(link)) {
        fs.rmSync(link, { force: true });
        fs.symlinkSync(shared, link);
    }
    const yaml = /^runtime:\s*(?:yaml|\n\s+name:\s*yaml)/m.test(
        fs.readFileSync(path.join(project, "Pulumi.yaml"), "utf8"),
    );
    const { status } = spawnSync(process.execPath, [path.join(root, "tools/setup.mjs"), ...(yaml ? ["yaml"] : [])], {
        stdio: "inherit",
    });
    if (status !== 0) {
        process.exit(status ?? 1);
    }
}
process.argv[1] = fileURLToPath(import.meta.url);
createRequire(import.meta.url)("../local/cli.js");

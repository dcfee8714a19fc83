import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";

import { expect } from "chai";

import { packed, repository } from "../support/packed";
import { root } from "../support/plugin";

interface Manifest {
    readonly main?: string;
    readonly types?: string;
    readonly exports?: unknown;
    readonly bin?: unknown;
    readonly scripts?: unknown;
    readonly repository?: unknown;
    readonly engines: { readonly node: string };
    readonly dependencies: Readonly<Record<string, string>>;
    readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What is in a tarball, unpacked beside it. */
class Tarball {
    readonly files: readonly string[];
    private readonly folder: string;

    constructor(path: string) {
        this.folder = path.replace(/\.tgz$/, "");
        mkdirSync(this.folder, { recursive: true });
        execFileSync("tar", ["xzf", path, "-C", this.folder, "--strip-components", "1"]);
        this.files = readdirSync(this.folder, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => relative(this.folder, join(entry.parentPath, entry.name)));
    }

    text(file: string): string {
        return readFileSync(join(this.folder, file), "utf8");
    }

    get manifest(): Manifest {
        return JSON.parse(this.text("package.json")) as Manifest;
    }
}

const text = (file: string) => readFileSync(join(root, file), "utf8");

/** The paths in a manifest's value, however deep. */
function pathsIn(value: unknown): string[] {
    return typeof value === "string" ? [value] : Object.values(value ?? {}).flatMap(pathsIn);
}

describe("the npm packages", function () {
    this.timeout(1_200_000);
    const tarballs = new Map<"taskgate" | "local", Tarball>();
    const of = (name: "taskgate" | "local") => tarballs.get(name)!;

    before(async () => {
        const { taskgate, local } = await packed();
        tarballs.set("taskgate", new Tarball(taskgate)).set("local", new Tarball(local));
    });

    it("have what is run and read, and nothing of the tests or of this machine", () => {
        const taskgate = of("taskgate").files.filter(
            (file) => !/^dist\/.*\.(js|mjs|d\.ts|js\.map|mjs\.map)$/.test(file),
        );
        expect(taskgate.sort()).to.deep.equal(["LICENSE", "README.md", "package.json"]);
        const tops = new Set(of("local").files.map((file) => file.split("/")[0]));
        expect([...tops].sort()).to.deep.equal([
            "LICENSE",
            "README.md",
            "bin",
            "client",
            "components",
            "handlers",
            "local",
            "package.json",
            "plugin",
            "tools",
        ]);
        const surplus = of("local").files.filter((file) =>
            /\.test\.|(^|\/)(\.tools|\.local|node_modules|tests|bench)\//.test(file),
        );
        expect(surplus).to.deep.equal([]);
    });

    for (const name of ["taskgate", "local"] as const) {
        it(`${name}: name files that are there`, () => {
            const { main, types, exports, bin } = of(name).manifest;
            const named = pathsIn([main, types, exports, bin]).map((path) => path.replace(/^\.\//, ""));
            expect(named).not.to.deep.equal([]);
            expect(named.filter((path) => !of(name).files.includes(path))).to.deep.equal([]);
        });

        it(`${name}: run no script when they are installed, and say where they come from`, () => {
            const { scripts, repository: from } = of(name).manifest;
            expect(scripts).to.equal(undefined);
            expect(from).to.deep.equal({ type: "git", url: `git+${repository}.git` });
        });

        it(`${name}: have a README whose links lead somewhere`, () => {
            const readme = of(name).text("README.md");
            const links = [...readme.matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g)].map(
                ([, one, other]) => one ?? other,
            );
            expect(links.filter((link) => link.startsWith(repository))).not.to.deep.equal([]);
            const dead = links.filter((link) => {
                const [, ours] = new RegExp(`^${repository}/(?:blob|raw|tree)/HEAD/([^#]+)`).exec(link) ?? [];
                return ours === undefined ? !link.startsWith("https://") : !existsSync(join(root, ours));
            });
            expect(dead).to.deep.equal([]);
        });

        it(`${name}: load nothing that is neither in them nor in what they ask for`, () => {
            const { files, manifest } = of(name);
            const asked = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
            // Found from where @pulumi/pulumi is.
            const known = [...asked, "@grpc/grpc-js", "google-protobuf", ...builtinModules];
            const lacking = files
                // The plugin is loaded by Pulumi's host; the console serves its page's libraries beside it.
                .filter((file) => /\.[cm]?js$/.test(file) && !/^plugin\/|\/console\/page\//.test(file))
                .flatMap((file) => importsOf(of(name).text(file)).map((asked) => ({ file, asked })))
                .filter(({ file, asked }) => {
                    if (asked.startsWith(".")) {
                        const path = join(file, "..", asked);
                        return !["", ".js", ".mjs", ".cjs", "/index.js"].some((end) => files.includes(path + end));
                    }
                    const name = /^(@[^/]+\/)?[^/]+/.exec(asked)![0];
                    return !asked.startsWith("node:") && !known.includes(name);
                });
            expect(lacking).to.deep.equal([]);
        });
    }

    it("agree with the documentation on the versions of Node.js and Go", async () => {
        const { oldest } = (await import("../../tools/prerequisites.mjs")) as {
            oldest: Record<"node" | "go" | "python", readonly [number, number]>;
        };
        const ofCheckout = (JSON.parse(text("package.json")) as Manifest).engines.node;
        expect(text("README.md")).to.match(
            new RegExp(
                `with Node\\.js ${oldest.node[0]} or newer .*, Go 1\\.25 or newer \\(it fetches the ${oldest.go.join("\\.")} that Pulumi asks for\\), Python ${oldest.python.join("\\.")} or newer`,
            ),
        );
        expect(ofCheckout).to.equal(`>=${oldest.node[0]}`);
        expect(text("tools/go.mod")).to.match(new RegExp(`^go ${oldest.go.join("\\.")}\\.0$`, "m"));

        const { features } = JSON.parse(text(".devcontainer/devcontainer.json")) as {
            features: Record<string, { version?: string }>;
        };
        expect(features["ghcr.io/devcontainers/features/go:1"].version).to.equal(oldest.go.join("."));

        const pulumi = JSON.parse(text("node_modules/@pulumi/pulumi/package.json")) as Manifest;
        expect(of("taskgate").manifest.engines).to.deep.equal(pulumi.engines);
        expect(text("README.md")).to.include(`By npm, on Node.js ${pulumi.engines.node.replace(">=", "")} or newer`);
        const ofLocal = of("local").manifest.engines.node.replace(">=", "");
        expect(of("local").text("README.md"))
            .to.include(`Node.js ${ofLocal} or newer`)
            .and.include(`Go ${oldest.go.join(".")}`)
            .and.include(`Python ${oldest.python.join(".")}`);
    });
});

/** What a module of ours asks for, as it is written. */
function importsOf(code: string): string[] {
    const pattern =
        /(?:(?<![.\w])require(?:\.resolve)?\(|(?<![.\w])import\(|^import (?:.* from )?|^export .* from |\bbeside\()"([^"\s]+)"/gm;
    return [...code.matchAll(pattern)].map(([, asked]) => asked);
}

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import { parse } from "yaml";

import { policies } from "../../policy/policies";
import { root } from "../support/plugin";

interface Workflow {
    readonly on: Record<string, unknown>;
    readonly permissions?: Record<string, string>;
    readonly jobs: Record<string, Job>;
}

interface Job {
    readonly if?: string;
    readonly permissions?: Record<string, string>;
    readonly uses?: string;
    readonly steps?: readonly Step[];
}

interface Step {
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
}

const folder = join(root, ".github/workflows");
const files = readdirSync(folder);
const texts = files.map((file) => readFileSync(join(folder, file), "utf8"));
const workflows = texts.map((text) => parse(text) as Workflow);
const jobs = workflows.flatMap((workflow) => Object.values(workflow.jobs));
const commands = jobs.flatMap(({ steps = [] }) => steps.flatMap(({ run }) => run ?? []));

describe("the workflows", () => {
    it("pass actionlint", () => {
        const lint = join(root, ".tools/bin/actionlint");
        const paths = files.map((file) => join(folder, file));
        // Without shellcheck and pyflakes: whether they are there is the machine's affair.
        expect(
            execFileSync(lint, ["-no-color", "-shellcheck=", "-pyflakes=", ...paths], { encoding: "utf8" }),
        ).to.equal("");
    });

    it("run only what package.json has", () => {
        const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
            scripts: Record<string, string>;
        };
        const named = commands.flatMap((command) =>
            [...command.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name),
        );
        expect(named).to.include.members(["setup", "lint", "test:all"]);
        expect(named.filter((name) => !(name in scripts))).to.deep.equal([]);
        const others = commands.filter((command) => !/npm (run|ci|publish|pkg)\b/.test(command));
        expect(others).to.deep.equal([]);
    });

    it("pin every action to a commit, and say its version", () => {
        const uses = texts.flatMap((text) =>
            [...text.matchAll(/uses: (\S+)(.*)/g)].map(([, action, rest]) => action + rest),
        );
        const pinned = /^([\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/\.github\/workflows\/test\.yml)$/;
        expect(uses.filter((use) => !pinned.test(use))).to.deep.equal([]);
    });

    it("may only read by default; a job that calls AWS or npm may ask for a token of its own", () => {
        expect(workflows.map(({ permissions }) => permissions)).to.deep.equal(
            workflows.map(() => ({ contents: "read" })),
        );
        const more = workflows.flatMap((workflow, index) =>
            Object.entries(workflow.jobs).flatMap(([name, { permissions }]) =>
                permissions ? [[`${files[index]} ${name}`, permissions]] : [],
            ),
        );
        const token = { contents: "read", "id-token": "write" };
        expect(Object.fromEntries(more)).to.deep.equal({
            "acceptance.yml accept": token,
            "main.yml dev": token,
            "pull-request.yml preview": { ...token, "pull-requests": "write" },
            "release.yml prod": token,
            "release.yml npm": token,
        });
    });

    it("give a fork's code no token", () => {
        expect(workflows.flatMap(({ on }) => Object.keys(on))).not.to.include("pull_request_target");
        const preview = workflows[files.indexOf("pull-request.yml")].jobs.preview;
        expect(preview.if).to.equal("github.event.pull_request.head.repo.full_name == github.repository");
    });

    it("have the policy pack judge each preview and each deployment, as it is configured for the stack", () => {
        const engine = jobs
            .flatMap(({ steps = [] }) => steps)
            .filter(({ uses = "" }) => uses.startsWith("pulumi/actions@"))
            .map((step) => step.with ?? {})
            .filter(({ command }) => command !== undefined); // otherwise it only installs
        expect(engine.map(({ command }) => command)).to.have.members(["preview", "up", "up"]);
        for (const { policyPacks, policyPackConfigs } of engine) {
            expect([policyPacks, policyPackConfigs]).to.deep.equal(["policy", "policy/stack.json"]);
        }
        expect(existsSync(join(root, "policy/PulumiPolicy.yaml"))).to.equal(true);
        const configured = JSON.parse(readFileSync(join(root, "policy/stack.json"), "utf8")) as object;
        const names = policies.map(({ name }) => name);
        expect(Object.keys(configured).filter((name) => !names.includes(name))).to.deep.equal([]);
    });
});

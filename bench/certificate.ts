// The renewal beside certbot, with one certificate authority (Pebble) and one Route 53, undisturbed and disturbed; and a year of renewals by both rules.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { renewCertificate } from "../handlers/renewCertificate";
import { projectRoot } from "../local/machine/projectRoot";
import { startCertificateWorld, type CertificateWorld } from "../tests/support/certificateWorld";
import { handlerFolder } from "../tests/support/handlerProcess";
import { printTable, spread } from "./table";
import { simulateYear } from "../tests/support/renewalYear";

const RUNS = Number(process.env.RUNS ?? 5);
const NAMES = ["*.tasks.example.test", "tasks.example.test"];
const RECORD = "_acme-challenge.tasks.example.test.";
/** The newest of 2026-11, with the plug-in of the same version. */
const CERTBOT = "5.8.0";

interface Run {
    readonly succeeded: boolean;
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly megabytes: number;
    readonly route53Requests: number;
    readonly caRequests: number;
}

interface Contestant {
    readonly name: string;
    /** Begins with nothing: no account, no certificate. */
    fresh(): Promise<void>;
    /** Issues one more certificate. */
    issue(): Promise<Run>;
    stop(): void;
}

export async function certificate(): Promise<void> {
    const world = await startCertificateWorld();
    const contestants = [await ours(world), await certbot(world)];
    try {
        await undisturbed(contestants);
        await disturbed(world, contestants);
    } finally {
        contestants.forEach((each) => each.stop());
        await world.stop();
    }
    years();
}

async function undisturbed(contestants: readonly Contestant[]): Promise<void> {
    const rows: string[][] = [];
    for (const contestant of contestants) {
        const runs: Run[] = [];
        for (let run = 0; run < RUNS; run++) {
            await contestant.fresh();
            runs.push(await contestant.issue());
        }
        const of = (value: (run: Run) => number, digits = 0) => spread(runs.map(value), digits);
        rows.push([
            contestant.name,
            `${runs.filter(({ succeeded }) => succeeded).length} of ${RUNS}`,
            of(({ seconds }) => seconds, 1),
            of(({ cpuSeconds }) => cpuSeconds, 1),
            of(({ megabytes }) => megabytes),
            of(({ route53Requests }) => route53Requests),
            of(({ caRequests }) => caRequests),
        ]);
    }
    console.log("\na domain and its wildcard, from nothing: median (least–most)\n");
    printTable(["", "issued", "seconds", "CPU s", "MB", "to Route 53", "to the CA"], rows);
}

/** What each makes of the same trouble. */
async function disturbed(world: CertificateWorld, contestants: readonly Contestant[]): Promise<void> {
    const rows: string[][] = [];
    const row = async (what: string, measure: (contestant: Contestant) => Promise<string>) => {
        const cells: string[] = [];
        for (const contestant of contestants) {
            await contestant.fresh();
            cells.push(await measure(contestant));
            calm(world);
        }
        rows.push([what, ...cells]);
    };
    const finalized = () =>
        world.caTap.requests.filter(({ path, status = 0 }) => path.includes("/finalize-order/") && status === 200)
            .length;

    await row("one 503 of the CA, at each of its calls", async (contestant) => {
        // One that gives up makes no more calls: how many there are, an undisturbed run tells.
        const { caRequests } = await contestant.issue();
        let issued = 0;
        for (let disturbedCall = 1; disturbedCall <= caRequests; disturbedCall++) {
            await contestant.fresh();
            let calls = 0;
            world.caTap.interfere = () => (++calls === disturbedCall ? { status: 503, body: "busy" } : undefined);
            const { succeeded } = await contestant.issue();
            calm(world);
            issued += succeeded ? 1 : 0;
        }
        return `${issued} of ${caRequests} issued`;
    });
    await row("Route 53 throttled for 20 s", async (contestant) => {
        const until = Date.now() + 20_000;
        world.route53Aws.interfere = () =>
            Date.now() < until
                ? {
                      status: 400,
                      type: "text/xml",
                      body: "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>",
                  }
                : undefined;
        return (await contestant.issue()).succeeded ? "issued" : "failed";
    });
    await row("a foreign value in the TXT record", async (contestant) => {
        world.route53.put({ name: RECORD, type: "TXT", ttl: 60, values: ['"foreign"'] });
        await contestant.issue();
        const kept = world.route53.records().some(({ values }) => values.includes('"foreign"'));
        return kept ? "kept" : "lost";
    });
    await row("the answer to finalize lost, and tried again", async (contestant) => {
        world.caTap.interfere = ({ path }) => (path.includes("/finalize-order/") ? "lose the answer" : undefined);
        await contestant.issue();
        calm(world);
        const { succeeded } = await contestant.issue();
        return `${succeeded ? "issued" : "failed"}, ${finalized()} paid for`;
    });
    await row("two at once", async (contestant) => {
        await Promise.all([contestant.issue(), contestant.issue()]);
        return `${finalized()} paid for`;
    });
    console.log("\nthe same disturbances for both\n");
    printTable(["", ...contestants.map(({ name }) => name)], rows);
}

function calm(world: CertificateWorld): void {
    for (const tap of [world.caTap, world.awsTap, world.route53Aws]) {
        delete tap.interfere;
    }
}

function years(): void {
    const day = 86_400_000;
    const rows = (["ours", "thirty days"] as const).flatMap((rule) =>
        [90 * day, 45 * day, 160 * 3_600_000].map((lifetime) => {
            const year = simulateYear({ lifetime, rule });
            const renewals = Math.max(1, year.certificates - 1);
            return [
                `${rule === "ours" ? "the authority's window" : "thirty days left"}, ${lifetime / day >= 10 ? `${lifetime / day} days` : "160 hours"}`,
                String(year.certificates),
                `${Math.round((100 * year.inWindow) / renewals)} %`,
                String(year.refused),
                `${year.leastLeft.toFixed(0)} %`,
                String(Math.round(year.expiredHours)),
            ];
        }),
    );
    console.log("\na simulated year by each rule\n");
    printTable(["", "certificates", "in the window", "refused by the limit", "least left", "hours expired"], rows);
}

/** Runs a program, and measures it and its children; the wrapper itself counts for nothing. */
async function measured(
    world: CertificateWorld,
    command: readonly string[],
    options: { readonly cwd: string; readonly env: Record<string, string | undefined> },
    succeeded: (output: string, code: number) => boolean,
): Promise<Run> {
    const script = [
        "import json, resource, subprocess, sys, time",
        "begin = time.time()",
        "code = subprocess.call(sys.argv[1:])",
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)",
        "print()",
        "print(json.dumps([code, time.time() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))",
    ].join("\n");
    const before = [world.route53Aws.requests.length, world.caTap.requests.length];
    const child = spawn("python3", ["-c", script, ...command], { ...options, stdio: ["ignore", "pipe", "ignore"] });
    const output = await text(child.stdout);
    const [code, seconds, cpuSeconds, megabytes] = JSON.parse(output.trim().split("\n").at(-1)!) as number[];
    return {
        succeeded: succeeded(output, code),
        seconds,
        cpuSeconds,
        megabytes,
        route53Requests: world.route53Aws.requests.length - before[0],
        caRequests: world.caTap.requests.length - before[1],
    };
}

async function ours(world: CertificateWorld): Promise<Contestant> {
    const folder = await handlerFolder(renewCertificate, ["acme-client"]);
    let runs = 0;
    return {
        name: "taskgate",
        async fresh() {
            world.tidy();
            await world.prepare();
        },
        issue: () =>
            measured(
                world,
                [process.execPath, "-e", folder.script, JSON.stringify({ force: true }), `run-${++runs}`],
                {
                    cwd: folder.directory,
                    env: { ...folder.environment, ...world.environment, NODE_EXTRA_CA_CERTS: world.tlsCaFile },
                },
                (output) => /"outcome":"(issued|renewed)"/.test(output),
            ),
        stop: () => folder.remove(),
    };
}

async function certbot(world: CertificateWorld): Promise<Contestant> {
    const python = await installCertbot();
    let directory = "";
    const clean = () => directory !== "" && rmSync(directory, { recursive: true });
    return {
        name: `certbot ${CERTBOT}`,
        async fresh() {
            world.tidy();
            await world.prepare();
            clean();
            directory = mkdtempSync(join(tmpdir(), "taskgate-certbot-"));
            writeFileSync(join(directory, "cli.ini"), "");
        },
        issue: () =>
            measured(
                world,
                [
                    join(python, "certbot"),
                    ...["certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email"],
                    ...["--dns-route53", "--server", world.directoryUrl, "--force-renewal"],
                    ...["--config", join(directory, "cli.ini"), "--config-dir", join(directory, "config")],
                    ...["--work-dir", join(directory, "work"), "--logs-dir", join(directory, "logs")],
                    ...NAMES.flatMap((name) => ["-d", name]),
                ],
                {
                    cwd: directory,
                    env: {
                        PATH: process.env.PATH,
                        HOME: directory,
                        AWS_ENDPOINT_URL: world.route53Aws.url,
                        AWS_ACCESS_KEY_ID: "111122223333",
                        AWS_SECRET_ACCESS_KEY: "test",
                        AWS_DEFAULT_REGION: "eu-west-1",
                        REQUESTS_CA_BUNDLE: world.tlsCaFile,
                    },
                },
                (_, code) => code === 0,
            ),
        stop: () => void clean(),
    };
}

/** certbot in an environment of its own, below .tools; answers the folder of its programs. */
async function installCertbot(): Promise<string> {
    const folder = join(projectRoot, ".tools", `certbot-${CERTBOT}`);
    const programs = join(folder, "bin");
    const run = async (command: string, ...args: string[]) => {
        const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
        const faults = text(child.stderr);
        const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
        if (code !== 0) {
            throw new Error(`${command} ${args.join(" ")} failed:\n${await faults}`);
        }
    };
    if (!existsSync(join(programs, "certbot"))) {
        await run("python3", "-m", "venv", folder);
        const packages = ["certbot", "certbot-dns-route53"].map((name) => `${name}==${CERTBOT}`);
        await run(join(programs, "pip"), "install", "--quiet", ...packages);
    }
    return programs;
}

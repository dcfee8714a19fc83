import { existsSync, readdirSync, readFileSync } from "node:fs";

import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { projectRoot } from "../../../local/machine/projectRoot";
import { portsCalled } from "../../../local/tasks/engineContainer";
import { findEngine } from "../../../local/tasks/images/engine";
import { createImagePuller } from "../../../local/tasks/images/pull";
import { type ContainerEngine, startContainerEngine } from "../../support/containerEngine";
import { type LocalEcs, script, startLocalEcs } from "../../support/localEcs";
import { until } from "../../support/until";

/** Says what it is given; ends with 3 when it is told to, unless it is deaf. */
const program = `
import { createServer } from "node:http";
import { hostname } from "node:os";
const { GREETING, PASSWORD, PATH, HOST, DEAF } = process.env;
process.on("SIGTERM", () => { console.log("told to end"); if (!DEAF) process.exit(3); });
createServer((_, answer) => answer.end(JSON.stringify({ GREETING, PASSWORD, PATH, HOST, hostname: hostname(), pid: process.pid })))
    .listen(8080, () => console.log("listens"));
`;

describe("a container of an engine", function () {
    this.timeout(600_000);
    let engine: ContainerEngine | undefined;
    let local: LocalEcs;

    before(async function () {
        engine = await startContainerEngine(program);
        if (engine === undefined) {
            this.skip(); // no Podman here, or no right to start containers
        }
        const found = await findEngine();
        expect(found).to.deep.equal({ client: "docker" });
        local = await startLocalEcs(createImagePuller("http://127.0.0.1:9", projectRoot, undefined, found));
    });
    after(async () => {
        await local?.stop();
        await engine?.stop();
    });

    const app = (more: object = {}) => ({ name: "app", image: engine!.image, essential: true, ...more });
    const addressOf = async (taskArn: string) => {
        const { containers } = await local.reaches(taskArn, "RUNNING");
        return containers![0].networkInterfaces![0].privateIpv4Address!;
    };
    const ask = (address: string) =>
        until("the container answers", async () => {
            const answer = await fetch(`http://${address}:8080/`).catch(() => undefined);
            return answer?.ok && ((await answer.json()) as Record<string, unknown>);
        });
    const stop = (task: string) => local.client.send(new StopTaskCommand({ cluster: "test", task }));
    const names = () => engine!.client("ps", "--all", "--format", "{{.Names}}").trim();

    it("serves at its task's address, with its environment and secrets, and ends as it is told to", async () => {
        const password = "pass\nword of the container";
        const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:password-AbCdEf";
        local.secrets.set(arn, password);
        const taskArn = await local.run(
            app({
                portMappings: [{ containerPort: 8080 }],
                stopTimeout: 120,
                environment: [
                    { name: "GREETING", value: "hello" },
                    { name: "PATH", value: "/its/own" },
                ],
                secrets: [{ name: "PASSWORD", valueFrom: arn }],
                healthCheck: {
                    command: ["CMD", "/node", "-e", "process.exit(process.env.GREETING === 'hello' ? 0 : 1)"],
                },
            }),
        );
        const address = await addressOf(taskArn);
        const id = taskArn.split("/").at(-1)!;
        expect(await ask(address)).to.deep.equal({
            ...{ GREETING: "hello", PASSWORD: password, PATH: "/its/own", pid: 1 },
            hostname: `ip-${address.replaceAll(".", "-")}.eu-west-1.compute.internal`,
        });
        expect((await local.healthy(taskArn)).healthStatus).to.equal("HEALTHY");
        expect(names()).to.equal(`taskgate-${id}-app`);
        const commandLines = readdirSync("/proc")
            .filter((entry) => /^\d+$/.test(entry))
            .map((entry) => {
                try {
                    return readFileSync(`/proc/${entry}/cmdline`, "utf8");
                } catch {
                    return ""; // it has gone
                }
            });
        expect(commandLines.some((words) => words.includes(`taskgate-${id}-app`))).to.equal(true);
        expect(commandLines.filter((words) => words.includes(password))).to.deep.equal([]);

        await stop(taskArn);
        const stopped = await local.reaches(taskArn, "STOPPED");
        expect(stopped.containers![0].exitCode).to.equal(3);
        expect(local.log(taskArn, "app")).to.equal("listens\ntold to end\n");
        expect(names()).to.equal("");
    });

    it("is killed when it does not end within its stopTimeout, and removed", async () => {
        const taskArn = await local.run(app({ stopTimeout: 2, environment: [{ name: "DEAF", value: "1" }] }));
        await local.reaches(taskArn, "RUNNING");
        await until("it listens", () => local.log(taskArn, "app").includes("listens"));
        const pid = engine!.client("inspect", "--format={{.State.Pid}}", names()).trim();
        expect(existsSync(`/proc/${pid}`)).to.equal(true);
        await stop(taskArn);
        const stopped = await local.reaches(taskArn, "STOPPED");
        expect(stopped.containers![0].exitCode).to.equal(137);
        await until("it is gone", () => names() === "");
        await until("its process is gone, too", () => !existsSync(`/proc/${pid}`));
    });

    it("is reached at the task's loopback address by what calls it there", async () => {
        const endpoint = { address: { socket_address: { address: "127.0.0.1", port_value: 8080 } } };
        const bootstrap = JSON.stringify({ lb_endpoints: [{ endpoint }] });
        const taskArn = await local.run(
            app(),
            script("envoy", `: '${bootstrap}'; trap 'exit 0' TERM; sleep 600 & wait`),
        );
        const [first, second, high, low] = (await addressOf(taskArn)).split(".");
        expect((await ask(`${first}.${second}.${Number(high) + 128}.${low}`)).pid).to.equal(1);
        await stop(taskArn);
        await local.reaches(taskArn, "STOPPED");
    });

    it("tells what the engine refuses", async () => {
        const reasonOf = async (more: object) => {
            const { stopCode, stoppedReason } = await local.reaches(await local.run(app(more)), "STOPPED");
            expect(stopCode).to.equal("TaskFailedToStart");
            return stoppedReason;
        };
        expect(await reasonOf({ image: "127.0.0.1:9/none:1" })).to.match(
            /^CannotPullContainerError: 127\.0\.0\.1:9\/none:1: .*connection refused/,
        );
        expect(await reasonOf({ command: ["/no/such/program"] })).to.match(
            /^CannotStartContainerError: .*\/no\/such\/program/s,
        );
        expect(names()).to.equal("");
    });
});

describe("the engine for containers", () => {
    it("is told of when there is none, with what each client said", async () => {
        const { PATH } = process.env;
        process.env.PATH = "/nowhere";
        const refused = await findEngine()
            .finally(() => (process.env.PATH = PATH))
            .catch(({ message }: Error) => message);
        expect(refused).to.equal(
            "--containers needs a Docker-compatible engine, and none answers:\n  docker: not installed\n  podman: not installed\n" +
                "Start Docker or Podman, or name its socket by DOCKER_HOST. Without one: --app <folder>.",
        );
    });

    it("publishes what an Envoy calls, not where it listens", () => {
        const socket = (port: number) => ({ address: { socket_address: { address: "127.0.0.1", port_value: port } } });
        const bootstrap = {
            listeners: [socket(9901)],
            clusters: [{ endpoint: socket(8080) }, { endpoint: socket(8080) }],
        };
        expect(portsCalled([{ command: ["--config-yaml", JSON.stringify(bootstrap)] }, {}])).to.deep.equal([8080]);
    });
});

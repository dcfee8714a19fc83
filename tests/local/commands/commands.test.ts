import { X509Certificate } from "node:crypto";

import { expect } from "chai";

import type { RenewalResult } from "../../../handlers/renewCertificate";
import type { TaskLine } from "../../../local/commands/taskTable";
import type { NameLine } from "../../../local/internet/names";
import { Caller, runTasks, stopTask, taskIdOf, untilRunning } from "../../../local/internet/caller";
import { cliWords, Ended, run, taskgate } from "../../support/commandLine";
import { issuedCertificate, localStack } from "../../support/localSystem";
import { until } from "../../support/until";

describe("the commands, while a system runs", () => {
    let caller: Caller;
    let ids: string[];

    before(async () => {
        caller = await localStack();
        await issuedCertificate(caller);
        const arns = await runTasks(caller, 2);
        await Promise.all(arns.map((arn) => untilRunning(caller, arn)));
        ids = arns.map(taskIdOf);
    });

    after(() => Promise.all(ids.map((id) => stopTask(caller, id))));

    const ask = (...words: string[]): Promise<Ended> => taskgate("--system", caller.system.name, ...words);
    const lastLine = (text: string) => text.trim().split("\n").at(-1);

    async function statuses(): Promise<TaskLine[]> {
        return JSON.parse((await ask("status", "--json")).stdout) as TaskLine[];
    }

    it("tell the status, to a person and to a program", async () => {
        const own = await until("both have their names", async () => {
            const tasks = (await statuses()).filter(({ id }) => ids.includes(id));
            return tasks.every(({ address }) => address !== undefined) && tasks;
        });
        expect(own.map(({ id }) => id).sort()).to.deep.equal([...ids].sort());
        for (const { id, status, region, url, address, note } of own) {
            expect([status, region, note]).to.deep.equal(["RUNNING", "eu-west-1", ""]);
            expect(url).to.equal(`https://${id}.eu-west-1.tasks.example.test:${caller.system.httpsPort}/`);
            expect(address).to.match(/^127\./);
        }
        const { stdout } = await ask("status");
        expect(stdout).to.match(
            /^eu-west-1: https:\/\/<task>\.eu-west-1\.tasks\.example\.test:\d+\/\n {2}TASK +STATUS +FOR/,
        );
        ids.forEach((id) => expect(stdout).to.match(new RegExp(`\\n  ${id}  RUNNING +\\d+ (s|min) `)));
    });

    it("show tasks, registry and zone side by side, and nothing that differs", async () => {
        const shown = await until("both are named", async () => {
            const { code, stdout } = await ask("dns", "--json");
            return code === 0 && (JSON.parse(stdout) as Record<string, NameLine[]>);
        });
        const own = shown["eu-west-1"].filter(({ id }) => ids.includes(id));
        expect(own.map(({ id }) => id).sort()).to.deep.equal([...ids].sort());
        for (const { id, task, registry, name, addresses } of own) {
            expect([task, registry, name]).to.deep.equal(["ready", "LIVE", `${id}.eu-west-1.tasks.example.test.`]);
            expect(addresses.task[0]).to.match(/^127\./);
            expect(addresses).to.deep.equal({
                task: addresses.task,
                registry: addresses.task,
                zone: addresses.task,
            });
        }
        expect((await ask("dns")).stdout).to.match(/^eu-west-1: \d+ tasks, nothing differs\n {2}TASK +ECS SAYS/);
    });

    it("show, renew and revoke the certificate, and tell a program the same", async () => {
        await issuedCertificate(caller);
        const results = (text: string) => (JSON.parse(text) as Record<string, RenewalResult>)["eu-west-1"];
        const shown = await until("nothing is wrong with it", async () => {
            const { code, stdout } = await ask("certificate", "--json");
            return code === 0 && results(stdout);
        });
        expect(shown).to.deep.include({ outcome: "shown", names: ["*.eu-west-1.tasks.example.test"] });
        const serial = shown.serialNumber!;
        expect((await ask("certificate", "show")).stdout).to.match(
            new RegExp(
                `^eu-west-1: nothing was changed \\(.+\\)\n  certificate    \\*\\.eu-west-1\\.tasks\\.example\\.test\n  serial number  ${serial}\n` +
                    "  valid until    20.+ \\(\\d+ days left\\)\n  renewed from   20.+\n",
            ),
        );
        const revoked = await ask("certificate", "revoke", "--reason", "superseded");
        expect([revoked.code, revoked.stderr]).to.deep.equal([0, ""]);
        expect(revoked.stdout).to.match(/^eu-west-1: a certificate was issued \(.*revoked/);
        const { certificateChain } = await issuedCertificate(caller);
        const next = new X509Certificate(certificateChain).serialNumber;
        expect(next).to.not.equal(serial);
        expect(revoked.stdout).to.include(next);
        expect(revoked.stdout).to.not.include(serial);
    });

    it("tell the account's URL, give it another key, and order with that", async () => {
        const account = await ask("certificate", "account");
        expect(account.stdout).to.match(
            /^eu-west-1: nothing was changed \(asked of https:.+\)\n {2}account {8}https:\S+\n$/,
        );
        const [, url] = /account +(\S+)/.exec(account.stdout)!;
        const changed = await ask("certificate", "rollover");
        expect([changed.code, changed.stderr]).to.deep.equal([0, ""]);
        expect(changed.stdout).to.match(/^eu-west-1: the account has another key \(/);
        expect(changed.stdout).to.include(`  account        ${url}\n`);
        expect((await ask("certificate", "renew", "--force")).stdout).to.match(
            /^eu-west-1: the certificate was renewed \(/,
        );
        expect((await ask("certificate", "account")).stdout).to.equal(account.stdout);
    });

    it("ask a deployed stack's function about its certificate by the credentials at hand", async () => {
        const { system, outputs } = caller;
        const env = {
            ...process.env,
            AWS_ENDPOINT_URL: system.gatewayUrl,
            AWS_ACCESS_KEY_ID: system.accountId,
            AWS_SECRET_ACCESS_KEY: "any",
        };
        const words = ["certificate", "--aws", "--region", "eu-west-1", "--function"];
        const { stdout, stderr } = await run([process.execPath, ...cliWords, ...words, outputs.renewalFunctionName], {
            env,
        });
        expect(stderr).to.equal("");
        expect(stdout).to.match(
            /^eu-west-1: nothing was changed \(.+\)\n  certificate    \*\.eu-west-1\.tasks\.example\.test\n/,
        );
        const rollover = [...cliWords, words[0], "rollover", ...words.slice(1), outputs.renewalFunctionName];
        expect((await run([process.execPath, ...rollover], { env })).stdout).to.match(
            /^eu-west-1: the account has another key \(.+\)\n {2}account {8}https:\S+\n$/,
        );
        const nowhere = await run([process.execPath, ...cliWords, ...words, "no-such-function"], { env });
        expect(nowhere.code).to.equal(1);
        expect(nowhere.stderr).to.match(/no-such-function/);
    });

    it("tell what to do where nothing patches", async () => {
        const { code, stdout, stderr } = await ask("patches");
        expect([code, stdout]).to.deep.equal([1, ""]);
        expect(stderr).to.equal(
            '\nThere is no Patching in the stack local of taskgate. Add one to its program (docs/operations.md), and deploy it with "npm run local -- up".\n',
        );
    });

    it("take the beginning of a task's id, and tell of one that nobody has", async () => {
        const { code, stderr } = await ask("stop", "zzz");
        expect(code).to.equal(1);
        expect(stderr).to.match(/^\nNo task that runs is called zzz\. There are /);
        ids.forEach((id) => expect(stderr).to.include(id));

        const [first] = ids;
        expect((await ask("stop", first.slice(0, 8))).stdout).to.equal(`${first} is stopping\n`);
        const stopped = await until("it has stopped", async () => {
            const task = (await statuses()).find(({ id }) => id === first);
            return task?.status === "STOPPED" && task;
        });
        expect(stopped.note).to.equal("Stopped by its user");
    });

    it("show logs by task and by function, and tell of one that there is not", async () => {
        const [, id] = ids;
        const ofTask = await ask("logs", "--task", id.slice(0, 8), "--no-follow");
        expect(ofTask.stdout).to.match(new RegExp(`^${id.slice(0, 8)} app \\| Starting up on 127\\.`, "m"));
        expect(ofTask.stdout.split("\n").filter((line) => !line.startsWith(id.slice(0, 8)))).to.deep.equal([""]);

        const ofFunction = await ask("logs", "--function", "dns-sync", "--no-follow", "--tail", "1");
        expect(ofFunction.stdout).to.match(/^functions\/tasks-eu-west-1-dns-sync-[0-9a-f]{7} \| .+\n$/);
        expect((await ask("logs", "gateway", "--no-follow", "--tail", "0")).stdout).to.equal("");

        const { code, stderr } = await ask("logs", "nothing");
        expect(code).to.equal(1);
        expect(stderr).to.match(/^\nThere is no log called nothing\. There are .*emulator, .*pebble/);
    });

    it("print the command that opens a task in a browser", async () => {
        const [, id] = ids;
        const host = `${id}\\.eu-west-1\\.tasks\\.example\\.test`;
        expect((await ask("open", id.slice(0, 8), "--print")).stdout).to.match(
            new RegExp(
                `chrom(e|ium)\\S* --user-data-dir=\\S+/browser --no-first-run '--host-resolver-rules=MAP ${host} 127\\.[\\d.]+' ` +
                    `--ignore-certificate-errors-spki-list=[\\w+/=]{44} https://${host}:\\d+/\\n$`,
            ),
        );
    });

    it("preview with a list in the configuration, and refuse a key that the project does not have", async () => {
        const { code, stdout } = await ask("preview", "-c", 'taskgate:command=["--port", "8080", "--verbose"]');
        expect(code).to.equal(0);
        expect(stdout).to.match(/aws:ecs:TaskDefinition \S+ replace \[diff: [^\]]*containerDefinitions/);

        const wrong = await ask("preview", "-c", "taskgate:comand=x");
        expect(wrong.code).to.equal(1);
        expect(lastLine(wrong.stderr)).to.match(
            /^--config taskgate:comand: .*Pulumi\.yaml declares no such key\. Did you mean taskgate:command\? There are taskgate:domain, /,
        );
    });

    it("name the systems that run when another one is asked for", async () => {
        const { code, stderr } = await taskgate("--system", `${caller.system.name}0`, "status");
        expect(code).to.equal(1);
        expect(stderr).to.match(/^\n--system \S+: no local system of that name runs\. .*There (is|are) .*test-\d+/);
    });
});

// The local system's commands: `npm start` and `npm run local -- …`.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Command, Option } from "commander";

import { followLogs } from "./commands/logs";
import { wholeLife } from "./commands/once";
import { runScenario, Scenario, scenarios } from "./commands/scenarios/scenarios";
import { stayUp } from "./commands/start";
import { Caller, listTasks, renew, runTasks, stopTask, taskIdOf, untilRunning, urlOf } from "./internet/caller";
import { projectRoot } from "./machine/projectRoot";
import { runningSystems, SystemFile } from "./machine/systemFile";
import { runOperation } from "./pulumi/operation";
import { localConfig, platformsOf } from "./pulumi/platforms";
import { readState } from "./pulumi/state";

const program = new Command("taskgate")
    .description(
        "The whole of taskgate on this machine: the real Pulumi engine, ACME CA and Envoy, and an emulated AWS.",
    )
    .option("--system <name>", "which running copy to use; needed when several run")
    .showHelpAfterError();

program
    .command("start")
    .description("start the local system, deploy the stack, run a task, and stay up until Ctrl-C")
    .option("--once", "go through the whole life, then exit")
    .addOption(new Option("--scenario <shape>", "go through the life of another shape instead").choices(scenarios))
    .option("--report <file>", "with --once or --scenario: write what was seen as JSON")
    .action(async ({ once, scenario, report: file }: { once?: boolean; scenario?: Scenario; report?: string }) => {
        const { system: name } = program.opts<{ system?: string }>();
        if (!once && scenario === undefined) {
            return stayUp(name);
        }
        const report = {};
        const directory = name ?? `${scenario ?? "once"}-${process.pid}`;
        try {
            await (scenario === undefined ? wholeLife(report, directory) : runScenario(scenario, report, directory));
            rmSync(join(projectRoot, ".local", directory), { recursive: true, force: true });
        } finally {
            if (file !== undefined) {
                writeFileSync(file, JSON.stringify(report, undefined, 4) + "\n");
            }
        }
    });

for (const operation of ["preview", "up", "destroy"] as const) {
    program
        .command(operation)
        .description(`pulumi ${operation} of the stack`)
        .option("--stack <name>", "whose Pulumi.<name>.yaml is used", "local")
        .option("-c, --config <key=value...>", "configuration on top of it")
        .action(async ({ stack, config = [] }: { stack: string; config?: string[] }) => {
            const system = chosenSystem();
            await runOperation(system, operation, {
                stack,
                config: { ...localConfig(system), ...Object.fromEntries(config.map(keyAndValue)) },
                onOutput: (text) => process.stdout.write(text),
            });
        });
}

program
    .command("run")
    .description("start tasks and print their URLs")
    .argument("[count]", "how many", "1")
    .action(async (count: string) => {
        const [caller] = callers();
        for (const taskArn of await runTasks(caller, Number(count))) {
            await untilRunning(caller, taskArn);
            console.log(urlOf(caller, taskArn));
        }
    });

program
    .command("stop")
    .description("stop tasks")
    .argument("[task...]", "task ids; none: every running task")
    .action(async (ids: string[]) => {
        for (const caller of callers()) {
            for (const task of await listTasks(caller)) {
                const id = taskIdOf(task.taskArn ?? "");
                if (task.desiredStatus === "RUNNING" && (ids.length === 0 || ids.includes(id))) {
                    await stopTask(caller, id);
                    console.log(`${id} is stopping`);
                }
            }
        }
    });

program
    .command("status")
    .description("the tasks, their names and states")
    .action(async () => {
        for (const caller of callers()) {
            for (const task of await listTasks(caller)) {
                console.log(
                    `${(task.lastStatus ?? "").padEnd(14)} ${urlOf(caller, task.taskArn ?? "")} ${task.stoppedReason ?? ""}`,
                );
            }
        }
    });

program
    .command("logs")
    .description("follow the logs of tasks, functions and the system's own processes")
    .argument("[part]", "only those whose name holds this", "")
    .action((part: string) => followLogs(chosenSystem().directory, part));

program
    .command("renew")
    .description("run the certificate renewal now, as the schedule does")
    .option("--force", "renew although it is not due")
    .action(async ({ force }: { force?: boolean }) => {
        for (const caller of callers()) {
            console.log(JSON.stringify(await renew(caller, force), undefined, 4));
        }
    });

function keyAndValue(given: string): [string, string] {
    const at = given.indexOf("=");
    if (at < 1) {
        throw new Error(`--config ${given}: give <key>=<value>, e.g. taskgate:cpu=512`);
    }
    return [given.slice(0, at), given.slice(at + 1)];
}

function chosenSystem(): SystemFile {
    const { system: name } = program.opts<{ system?: string }>();
    const running = runningSystems(join(projectRoot, ".local"));
    const chosen = running.filter((system) => name === undefined || system.name === name);
    if (chosen.length !== 1) {
        const names = running.map((system) => system.name).join(", ");
        throw new Error(
            running.length === 0
                ? 'No local system runs. Start one with "npm start".'
                : `Say which local system with --system: ${names} ${running.length > 1 ? "run" : "runs"}.`,
        );
    }
    return chosen[0];
}

function callers(): Caller[] {
    const system = chosenSystem();
    const found = platformsOf(system, readState(system).outputs);
    if (found.length === 0) {
        throw new Error('The stack is not up. Deploy it with "npm run local -- up".');
    }
    return found;
}

program.parseAsync().then(
    () => process.exit(),
    (error: Error) => {
        console.error(`\n${error.message}`);
        process.exit(1);
    },
);

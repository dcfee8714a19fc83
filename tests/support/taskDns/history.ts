import { mute } from "../fakeLambda";
import { createModel, DOMAIN, NO_FAULTS, type Faults, type Model, type ModelOptions, type Part } from "./modelledAws";
import { installVirtualClock } from "./virtualClock";

// A random course of events, drawn from a seed and a few numbers, and what the zone is two minutes after the last fault.

export interface History {
    readonly seed: number;
    readonly tasks: number;
    /** Milliseconds in which tasks come and go and things go wrong. */
    readonly length: number;
    readonly faults: Partial<Faults>;
    readonly outages: readonly { readonly part: Part; readonly at: number; readonly milliseconds: number }[];
    /** Records of somebody else at the names of so many tasks. */
    readonly inTheWay: number;
    readonly options?: Partial<ModelOptions>;
    /** Empties the registry's table at this share of the length. */
    readonly loseRegistryAt?: number;
    /** Whether tasks stop. Default: true. */
    readonly stops?: boolean;
}

export interface Outcome {
    /** What is wrong at the end, or ever was. */
    readonly wrong: readonly string[];
    /** Milliseconds from the first event that told of a task to the acceptance of its record. */
    readonly delays: readonly number[];
    /** For how many milliseconds each record outlived the task's hold on its address. */
    readonly dangling: readonly number[];
    readonly model: Model;
}

/** Two minutes of quiet after the last fault are enough to be right again. */
export const QUIET_MILLISECONDS = 120_000;

const FOREIGN = `www.${DOMAIN}.`;

export async function play(history: History): Promise<Outcome> {
    const clock = installVirtualClock(history.seed);
    const restoreOutput = mute();
    try {
        const start = clock.now();
        const model = createModel(clock, { ...history.options, faults: { ...NO_FAULTS, ...history.faults } });
        model.put({ name: FOREIGN, value: "192.0.2.1" });
        const occupied = new Map<string, string>();
        const step = () => 100 + Math.random() ** 2 * 20_000;
        for (let number = 0; number < history.tasks; number++) {
            clock.after(Math.random() * history.length * 0.8, () => {
                const task = model.startTask();
                if (number < history.inTheWay) {
                    occupied.set(task.id, `192.0.2.${10 + number}`);
                    model.put({ name: `${task.id}.${DOMAIN}.`, value: occupied.get(task.id)! });
                }
                model.bringUp(task, step);
                if (Math.random() < 0.7 && history.stops !== false) {
                    const life = Math.random() * history.length * (Math.random() < 0.5 ? 0.1 : 0.6);
                    clock.after(life, () => model.takeDown(task, step, Math.random() < 0.3));
                }
            });
        }
        for (const { part, at, milliseconds } of history.outages) {
            clock.after(at * history.length, () => model.break(part, milliseconds));
        }
        if (history.loseRegistryAt !== undefined) {
            clock.after(history.loseRegistryAt * history.length, () => model.loseRegistry());
        }
        await clock.runUntil(start + history.length);
        model.quiet();
        await clock.runUntil(start + history.length + QUIET_MILLISECONDS);
        model.stop();
        const told = model.tasks.flatMap(({ namedAt, states }) => {
            const pending = states.find(({ lastStatus }) => lastStatus === "PENDING");
            return namedAt === undefined || pending === undefined ? [] : [namedAt - pending.at];
        });
        const dangling = model.tasks.flatMap(({ namedAt, unnamedAt, releasedAt }) =>
            namedAt === undefined || releasedAt === undefined
                ? []
                : [Math.max(0, (unnamedAt ?? clock.now()) - releasedAt)],
        );
        return { wrong: [...model.violations, ...faultsIn(model, occupied)], delays: told, dangling, model };
    } finally {
        clock.restore();
        restoreOutput();
    }
}

/** What stands and should not, and what should and does not. */
function faultsIn(model: Model, occupied: ReadonlyMap<string, string>): string[] {
    const standing = new Map(
        [...model.zone().sets.values()]
            .flat()
            .map(({ Name, ResourceRecords }) => [Name!, ResourceRecords!.map(({ Value }) => Value).join()]),
    );
    const wrong: string[] = [];
    const expect = (name: string, values: readonly (string | undefined)[], what: string) => {
        if (!values.includes(standing.get(name))) {
            wrong.push(`${name} is ${standing.get(name)} and not ${values.join(" or ")}: ${what}`);
        }
        standing.delete(name);
    };
    expect(FOREIGN, ["192.0.2.1"], "a record of somebody else");
    model.tasks.forEach((task) => {
        const { desiredStatus, lastStatus } = task.states.at(-1)!;
        const what = `the task is ${lastStatus}, to be ${desiredStatus}`;
        const name = `${task.id}.${DOMAIN}.`;
        const runs = desiredStatus === "RUNNING" && lastStatus === "RUNNING";
        if (occupied.has(task.id)) {
            expect(name, [occupied.get(task.id)], "somebody else's record in the way");
        } else {
            expect(
                name,
                runs ? [task.address] : lastStatus === "PENDING" ? [task.address, undefined] : [undefined],
                what,
            );
        }
    });
    standing.forEach((values, name) => wrong.push(`${name} is ${values}, of no task`));
    return wrong;
}

import { expect } from "chai";

import { openingsOf } from "../../../handlers/maintenanceWindows";
import type { ContainerSight, Retirement, TaskSight } from "../../../handlers/patching/baseline";
import {
    noState,
    type PatchingState,
    planOf,
    type PlanSettings,
    type ServiceSight,
} from "../../../handlers/patching/plan";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const openings = openingsOf({ schedule: "cron(0 2 ? * SUN *)", scheduleTimezone: "UTC", duration: 4, cutoff: 1 });
const opensAt = Date.parse("2026-05-03T02:00:00Z");
const settings: PlanSettings = {
    baseline: { maxTaskAge: 30, newerImages: true },
    ...{ maxConcurrency: 1, maxErrors: 0, stopTasks: true, noticePeriod: 24 },
};
const digests = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`);
const old: ContainerSight = {
    ...{ name: "app", image: "i:main", digest: digests[0], pushedAt: opensAt - 90 * DAY },
    tagged: { digest: digests[1], pushedAt: opensAt - DAY },
};

type State = ServiceSight["deployments"][number]["rolloutState"];

/** A service whose deployments are given from the newest to the oldest. */
function service(name: string, ...deployments: [id: string, state: State][]): ServiceSight {
    return {
        name,
        isRolling: true,
        deployments: deployments.map(([id, rolloutState], index) => ({
            ...{ id, rolloutState, isPrimary: index === 0, createdAt: opensAt - 9 * DAY },
        })),
    };
}

/** A task of a service that runs an image which was replaced. */
function task(of: string | undefined, changes: Partial<TaskSight> = {}): TaskSight {
    const startedAt = opensAt - 9 * DAY;
    return {
        taskArn: `task-${of ?? "own"}`,
        ...(of !== undefined && { service: of }),
        ...{ startedAt, resolvedAt: startedAt, containers: [old] },
        ...changes,
    };
}

interface Case {
    readonly state?: Partial<PatchingState>;
    readonly services?: readonly ServiceSight[];
    readonly tasks?: readonly TaskSight[];
    readonly retirements?: readonly Retirement[];
    readonly settings?: Partial<PlanSettings>;
    readonly now?: number;
}

const names = ["a", "b", "c"];
const three = names.map((name) => service(name, [`${name}-1`, "COMPLETED"]));

function plan({ state = {}, services = three, tasks = names.map((name) => task(name)), ...more }: Case = {}) {
    const { retirements = [], now = opensAt + MINUTE } = more;
    return planOf(
        { ...noState, ...state },
        { services, tasks, retirements },
        { ...settings, ...more.settings },
        openings,
        now,
    );
}

const begunBy = (given: Case): string[] => plan(given).redeploy.map((each) => each.service);
const underWay = (name: string, more = {}) => ({
    [name]: {
        before: `${name}-1`,
        deployment: `${name}-2`,
        since: opensAt,
        until: opensAt + 4 * HOUR,
        opensAt,
        ...more,
    },
});
const opening = { opensAt, tried: ["a"], failed: [] };

describe("what a look begins", () => {
    it("is nothing out of a window, and nothing in its last hour", () => {
        const instants = [opensAt - 1, opensAt, opensAt + 3 * HOUR - 1, opensAt + 3 * HOUR, opensAt + 4 * HOUR];
        expect(instants.map((now) => begunBy({ now }))).to.deep.equal([[], ["a"], ["a"], [], []]);
    });

    it("is as many services as may be redeployed at once, with those under way", () => {
        const places = [1, 2, 3, 9].map((maxConcurrency) => begunBy({ settings: { maxConcurrency } }));
        expect(places).to.deep.equal([["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c"]]);
        const services = [service("a", ["a-2", "IN_PROGRESS"], ["a-1", "COMPLETED"]), ...three.slice(1)];
        const state = { redeployments: underWay("a"), opening };
        expect(begunBy({ services, state })).to.deep.equal([]);
        expect(begunBy({ services, state, settings: { maxConcurrency: 2 } })).to.deep.equal(["b"]);
    });

    it("is kept before it is begun, with the deployment that it replaces", () => {
        const { state } = plan();
        expect(state.redeployments).to.deep.equal({
            a: { before: "a-1", since: opensAt + MINUTE, until: opensAt + 4 * HOUR, opensAt },
        });
        expect(state.opening).to.deep.equal(opening);
    });

    it("is the most urgent first", () => {
        const tasks = [
            task("a"),
            task("b", { containers: [], startedAt: opensAt - 29 * DAY }),
            task("c", { containers: [], startedAt: opensAt - 28 * DAY }),
        ];
        expect(begunBy({ tasks, settings: { maxConcurrency: 3 } })).to.deep.equal(["b", "c", "a"]);
    });

    it("waits with a task's age as long as two more windows come before", () => {
        const of = (days: number) =>
            begunBy({ tasks: [task("a", { containers: [], startedAt: opensAt - days * DAY })] });
        // The window after the next closes after 14 days and 4 hours.
        expect([of(15), of(16)]).to.deep.equal([[], ["a"]]);
    });

    it("is each service once in a window", () => {
        expect(begunBy({ state: { opening } })).to.deep.equal(["b"]);
        expect(begunBy({ state: { opening: { ...opening, opensAt: opensAt - 7 * DAY } } })).to.deep.equal(["a"]);
    });

    it("is no service that somebody deploys, until that has taken an hour; and none that ECS does not roll out", () => {
        const deployed = (ago: number): ServiceSight => ({
            ...three[0],
            deployments: [{ id: "x", isPrimary: true, rolloutState: "IN_PROGRESS", createdAt: opensAt + MINUTE - ago }],
        });
        expect(begunBy({ services: [deployed(HOUR - 1)] })).to.deep.equal([]);
        expect(begunBy({ services: [deployed(HOUR)] })).to.deep.equal(["a"]);
        expect(begunBy({ services: [{ ...three[0], isRolling: false }] })).to.deep.equal([]);
    });

    it("is nothing that another task of the same kind would have, too", () => {
        const found = { ...old, tagged: { digest: digests[0], pushedAt: opensAt - 90 * DAY }, findings: { HIGH: 1 } };
        const baseline = { ...settings.baseline, findingSeverity: "HIGH" as const };
        const tasks = [task("a", { containers: [found] })];
        const { redeploy, rebuild } = plan({ tasks, settings: { baseline } });
        expect(redeploy).to.deep.equal([]);
        expect(rebuild.map(({ digest, image, dues }) => [digest, image, dues[0].detail])).to.deep.equal([
            [digests[0], "i:main", "1 HIGH"],
        ]);
        expect(plan({ tasks, settings: { baseline }, state: { rebuilds: [digests[0]] } }).rebuild).to.deep.equal([]);
        expect(plan({ state: { rebuilds: [digests[0]] } }).state.rebuilds).to.deep.equal([]); // runs no more
    });
});

describe("what became of a redeployment", () => {
    const of = (...deployments: [id: string, state: State][]) => {
        const services = [service("a", ...deployments), ...three.slice(1)];
        return (more: object = {}, now = opensAt + HOUR) => {
            const tasks = names.map((name) => task(name));
            const { state, failed, redeploy } = plan({
                ...{ services, tasks, now },
                state: { redeployments: underWay("a", more), opening },
            });
            return { failed, goesOn: "a" in state.redeployments, next: redeploy.map((each) => each.service) };
        };
    };

    it("is its end, and the next one begins", () => {
        expect(of(["a-2", "COMPLETED"])()).to.deep.equal({ failed: [], goesOn: false, next: ["b"] });
    });

    it("is a failure, rolled back or not, after which no more is begun than maxErrors allows", () => {
        const failed = { failed: ["a"], goesOn: false, next: [] };
        expect(of(["a-2", "FAILED"], ["a-1", "COMPLETED"])()).to.deep.equal(failed);
        expect(of(["a-1", "IN_PROGRESS"], ["a-2", "FAILED"])()).to.deep.equal(failed);
        expect(of(["a-1", "COMPLETED"])()).to.deep.equal(failed);
        const services = [service("a", ["a-1", "COMPLETED"]), ...three.slice(1)];
        const state = { redeployments: underWay("a"), opening };
        expect(begunBy({ services, state, settings: { maxErrors: 1 } })).to.deep.equal(["b"]);
    });

    it("is unknown as long as it is under way; it keeps its place past the window, and counts as failed once", () => {
        const look = of(["a-2", "IN_PROGRESS"], ["a-1", "COMPLETED"]);
        expect(look()).to.deep.equal({ failed: [], goesOn: true, next: [] });
        expect(look({}, opensAt + 4 * HOUR)).to.deep.equal({ failed: ["a"], goesOn: true, next: [] });
        expect(look({ isLate: true }, opensAt + 5 * HOUR)).to.deep.equal({ failed: [], goesOn: true, next: [] });
    });

    it("is nobody's when somebody deployed the service since", () => {
        expect(of(["a-3", "IN_PROGRESS"], ["a-2", "IN_PROGRESS"])()).to.include({ goesOn: false });
        expect(of(["a-3", "COMPLETED"])()).to.deep.equal({ failed: [], goesOn: false, next: ["b"] });
    });

    it("is told by the service where ECS's answer was lost", () => {
        const lost = { deployment: undefined };
        expect(of(["a-2", "IN_PROGRESS"], ["a-1", "COMPLETED"])(lost)).to.include({ goesOn: true });
        expect(of(["a-2", "COMPLETED"])(lost)).to.deep.equal({ failed: [], goesOn: false, next: ["b"] });
        expect(of(["a-1", "COMPLETED"])(lost)).to.deep.include({ failed: ["a"], goesOn: false });
    });

    it("is not known yet while the look that planned it may be about to begin it", () => {
        const look = of(["a-1", "COMPLETED"]);
        const planned = { deployment: undefined, since: opensAt };
        expect(look(planned, opensAt + 4 * MINUTE - 1)).to.deep.equal({ failed: [], goesOn: true, next: [] });
        expect(look(planned, opensAt + 4 * MINUTE)).to.deep.include({ failed: ["a"], goesOn: false });
    });
});

describe("a retirement", () => {
    const notice = (at: number): Retirement => ({
        ...{ id: "n", at, toldAt: opensAt - 3 * DAY, services: ["a"], taskArns: [] },
    });
    const tasks = [task("a", { containers: [] })];
    const now = opensAt - 2 * DAY;

    it("waits for a window that closes before it, and does not when there is none", () => {
        const of = (at: number) => begunBy({ tasks, now, retirements: [notice(at)] });
        expect([of(opensAt + 4 * HOUR), of(opensAt + 4 * HOUR - 1)]).to.deep.equal([[], ["a"]]);
    });

    it("keeps to how many may be redeployed at once", () => {
        const retirements = [{ ...notice(opensAt), services: names }];
        const all = names.map((name) => task(name, { containers: [] }));
        expect(begunBy({ tasks: all, now, retirements })).to.deep.equal(["a"]);
    });

    it("that failed is tried again after an hour, after two, and so on", () => {
        const retirements = [notice(opensAt)];
        const after = (count: number, ago: number) =>
            begunBy({ tasks, now, retirements, state: { failures: { a: { count, at: now - ago } } } });
        expect([after(1, HOUR - 1), after(1, HOUR)]).to.deep.equal([[], ["a"]]);
        expect([after(3, 4 * HOUR - 1), after(3, 4 * HOUR)]).to.deep.equal([[], ["a"]]);
    });
});

describe("a task that no service keeps", () => {
    const now = opensAt - 2 * DAY;
    const own = (changes: Partial<TaskSight> = {}) => task(undefined, changes);
    const look = (changes: Partial<TaskSight>, told: PatchingState["told"], at: number, more: Case = {}) => {
        const { tell, stop } = plan({ ...more, services: [], tasks: [own(changes)], state: { told }, now: at });
        return [tell.map(({ stopBy }) => (stopBy - now) / HOUR), stop.map(({ taskArn }) => taskArn)];
    };
    const told = { "task-own": { at: now, stopBy: now + DAY } };

    it("is told of once, and stopped when its time is over", () => {
        expect(look({}, {}, now)).to.deep.equal([[24], []]);
        expect(look({}, told, now + DAY - 1)).to.deep.equal([[], []]);
        expect(look({}, told, now + DAY)).to.deep.equal([[], ["task-own"]]);
        expect(look({}, told, now + DAY, { settings: { stopTasks: false } })).to.deep.equal([[], []]);
    });

    it("is stopped at its owner's time, if that comes before; one that had passed is none", () => {
        const stopAt = (hours: number) => ({ stopAt: new Date(now + hours * HOUR).toISOString() });
        expect(look(stopAt(5), told, now + 5 * HOUR - 1)).to.deep.equal([[], []]);
        expect(look(stopAt(5), told, now + 5 * HOUR)).to.deep.equal([[], ["task-own"]]);
        expect(look(stopAt(50), told, now + DAY)).to.deep.equal([[], ["task-own"]]);
        expect(look(stopAt(-1), told, now + 5 * HOUR)).to.deep.equal([[], []]);
        expect(look({ stopAt: "soon" }, told, now + 5 * HOUR)).to.deep.equal([[], []]);
    });

    it("is told again when its time gets shorter, and has some minutes before Fargate's own", () => {
        const at = now + 10 * HOUR;
        const retirements = [{ id: "n", at, toldAt: now, services: [], taskArns: ["task-own"] }];
        const minutes = 10 / 60;
        expect(look({}, told, now, { retirements })).to.deep.equal([[10 - minutes], []]);
        const shorter = { "task-own": { at: now, stopBy: at - 10 * MINUTE } };
        expect(look({}, shorter, at - 10 * MINUTE, { retirements })).to.deep.equal([[], ["task-own"]]);
    });

    it("is forgotten when it is gone", () => {
        expect(plan({ state: { told } }).state.told).to.deep.equal({});
    });
});

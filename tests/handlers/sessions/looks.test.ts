import { expect } from "chai";

import { SIGHT_MILLISECONDS, sharedLooks, type Seen, type Sights } from "../../../handlers/sessions/looks";
import type { Place, Session } from "../../../handlers/sessions/session";

describe("looks at tasks that many share", () => {
    let now: number;
    let asked: string[][];
    let place: Place;

    beforeEach(() => {
        now = 1_800_000_000_000;
        asked = [];
        const seen = new Map<string, Seen>();
        const sights: Sights = {
            read: (taskArn) => Promise.resolve(seen.get(taskArn)),
            claim: (taskArn, before, at) => {
                const isFirst = seen.get(taskArn)?.at === before?.at;
                if (isFirst) {
                    seen.set(taskArn, { ...before, at });
                }
                return Promise.resolve(isFirst);
            },
            write: (taskArn, one) => Promise.resolve(void seen.set(taskArn, one)),
        };
        const look: Place["look"] = (sessions) => {
            const tasks = sessions.map(({ taskArn = "" }) => taskArn);
            asked.push(tasks);
            const status = `LOOK ${asked.length}`;
            return Promise.resolve(new Map(tasks.map((taskArn) => [taskArn, { phase: "running", status }])));
        };
        place = sharedLooks({ look } as Place, sights, () => now);
    });

    const session = (taskArn: string) => ({ taskArn }) as Session;
    const statusOf = async (taskArn: string) => (await place.look([session(taskArn)])).get(taskArn)?.status;

    it("ask once in three seconds, whoever asks how often", async () => {
        const first = await Promise.all(Array.from({ length: 100 }, () => statusOf("a")));
        expect(asked).to.deep.equal([["a"]]);
        // Who was not the one to look knows nothing yet.
        expect(first.sort()).to.deep.equal(["LOOK 1", ...Array<string>(99).fill("UNKNOWN")]);
        now += SIGHT_MILLISECONDS - 1;
        expect(await statusOf("a")).to.equal("LOOK 1");
        now += 1;
        const next = await Promise.all(Array.from({ length: 100 }, () => statusOf("a")));
        expect(asked).to.have.length(2);
        expect(next.sort()).to.deep.equal([...Array<string>(99).fill("LOOK 1"), "LOOK 2"]);
    });

    it("ask for each task, and at once for many in one request", async () => {
        await Promise.all(["a", "b"].map(statusOf));
        await place.look(["a", "b"].map(session));
        expect(asked).to.deep.equal([["a"], ["b"], ["a", "b"]]);
    });
});

import { expect } from "chai";

import { measure, ways } from "../../support/openings";

describe("500 people who open 50 sessions at once, under ECS's limits", () => {
    const outcomeOf = (name: string) => measure(ways.find((way) => way.name === name)!);

    it("are all answered with one task a key, and no request too many", async () => {
        const { answered, tasks, throttled, peaks } = await outcomeOf("Sessions");
        expect({ answered, tasks, throttled }).to.deep.equal({ answered: 500, tasks: 50, throttled: 0 });
        expect(peaks.RunTask).to.be.at.most(50);
    });

    it("get more tasks than keys where each looks and then starts one", async () => {
        const { answered, tasks, throttled } = await outcomeOf("describe, then run");
        expect(answered).to.equal(500);
        expect(tasks).to.be.above(50);
        expect(throttled).to.be.above(0);
    });
});

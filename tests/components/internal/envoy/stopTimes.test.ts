import { expect } from "chai";

import {
    drainReason,
    lifecycleStopTimeout,
    spotReason,
    stopSeconds,
    stopTimeoutReason,
    targetHealthReasons,
} from "../../../../components/internal/envoy/stopTimes";

describe("drain times", () => {
    it("give lifecycle five seconds beyond the drain, within Fargate's 120", () => {
        expect(lifecycleStopTimeout(20)).to.equal(25);
        expect(drainReason(0)).to.be.undefined;
        expect(drainReason(115)).to.be.undefined;
        expect(lifecycleStopTimeout(115)).to.equal(120);
        expect(drainReason(116)).to.equal("116 is not allowed: give a whole number from 0 to 115 seconds");
        expect(stopTimeoutReason(1)).to.equal("1 is not allowed: give a whole number from 2 to 120 seconds");
    });

    it("add up what a stop takes", () => {
        expect(stopSeconds({ deregistrationDelay: 30, drainSeconds: 20, stopTimeout: 30 })).to.equal(90);
        expect(stopSeconds({ deregistrationDelay: 30, drainSeconds: undefined, stopTimeout: 30 })).to.equal(60);
    });

    it("fit the two minutes of Fargate Spot", () => {
        expect(spotReason({ deregistrationDelay: 30, drainSeconds: 50, stopTimeout: 30 })).to.be.undefined;
        expect(spotReason({ deregistrationDelay: 30, drainSeconds: 51, stopTimeout: 30 })).to.equal(
            "Fargate Spot ends a task 120 s after its warning, and this one needs 121 s (30 s deregistration + 61 s drain + 30 s stopTimeout): lower some of them",
        );
        expect(spotReason({ deregistrationDelay: 60, drainSeconds: undefined, stopTimeout: 61 })).to.equal(
            "Fargate Spot ends a task 120 s after its warning, and this one needs 121 s (60 s deregistration + 61 s stopTimeout): lower some of them",
        );
    });
});

describe("target health", () => {
    const health = { interval: 10, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 3, graceSeconds: 30 };

    it("is fine when a new task has the time to be found healthy", () => {
        expect(targetHealthReasons(health)).to.deep.equal([]);
        expect(targetHealthReasons({ ...health, graceSeconds: 20 })).to.deep.equal([]);
    });

    it("names what does not fit together", () => {
        expect(targetHealthReasons({ ...health, timeout: 10, graceSeconds: 19 })).to.deep.equal([
            { property: "timeout", reason: "10 s are not below the interval of 10 s: give less" },
            {
                property: "graceSeconds",
                reason: "19 s are too few: a healthy task is found healthy after 2 checks, one in 10 s: give at least 20",
            },
        ]);
    });

    it("stays within what a load balancer takes", () => {
        const found = targetHealthReasons({
            interval: 4,
            timeout: 1,
            healthyThreshold: 1,
            unhealthyThreshold: 11,
            graceSeconds: -1,
        });
        expect(found).to.deep.equal([
            { property: "interval", reason: "4 is not allowed: give a whole number from 5 to 300 seconds" },
            { property: "timeout", reason: "1 is not allowed: give a whole number from 2 to 120 seconds" },
            { property: "healthyThreshold", reason: "1 is not allowed: give a whole number from 2 to 10 checks" },
            { property: "unhealthyThreshold", reason: "11 is not allowed: give a whole number from 2 to 10 checks" },
            { property: "graceSeconds", reason: "-1 is not allowed: give a whole number from 0 to 7200 seconds" },
        ]);
    });
});

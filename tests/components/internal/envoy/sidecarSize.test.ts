import { expect } from "chai";

import { sidecarSize } from "../../../../components/internal/envoy/sidecarSize";
import { taskSizes } from "../../../../components/internal/task/taskSize";

const mib = 2 ** 20;

describe("what the containers of a task with Envoy get", () => {
    it("is this, for each size that Fargate has", () => {
        const table = taskSizes.map(({ cpu }) => {
            const { concurrency, shares, memory, heapBytes, connections } = sidecarSize(cpu);
            return [cpu, concurrency, shares.app, shares.envoy, shares.lifecycle, memory, heapBytes / mib, connections];
        });
        expect(table).to.deep.equal([
            [256, 1, 176, 64, 16, 172, 80, 1_000],
            [512, 1, 352, 128, 32, 172, 80, 1_000],
            [1024, 1, 704, 256, 64, 172, 80, 1_000],
            [2048, 2, 1408, 512, 128, 280, 160, 2_000],
            [4096, 4, 2816, 1024, 256, 496, 320, 4_000],
            [8192, 8, 5632, 2048, 512, 928, 640, 8_000],
            [16384, 16, 11264, 4096, 1024, 1792, 1280, 16_000],
            [32768, 32, 22528, 8192, 2048, 3520, 2560, 16_000],
        ]);
    });

    it("is all CPU of the task and no more, and leaves the app three fifths of the least memory", () => {
        for (const { cpu, memory } of taskSizes) {
            const { shares, memory: ofEnvoy } = sidecarSize(cpu);
            expect(shares.app + shares.envoy + shares.lifecycle).to.equal(cpu);
            expect(memory[0] - ofEnvoy - 32).to.be.at.least((memory[0] * 3) / 5);
        }
    });
});

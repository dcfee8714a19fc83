import { expect } from "chai";

import { cpuReason, memoryReason, taskSizes } from "../../../../components/internal/task/taskSize";

describe("task sizes", () => {
    it("are Fargate's table", () => {
        const gib = (...sizes: number[]): number[] => sizes.map((size) => size * 1024);
        expect(taskSizes).to.deep.equal([
            { cpu: 256, memory: [512, 1024, 2048] },
            { cpu: 512, memory: gib(1, 2, 3, 4) },
            { cpu: 1024, memory: gib(2, 3, 4, 5, 6, 7, 8) },
            { cpu: 2048, memory: gib(4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16) },
            {
                cpu: 4096,
                memory: gib(8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30),
            },
            { cpu: 8192, memory: gib(16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60) },
            { cpu: 16384, memory: gib(32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120) },
            { cpu: 32768, memory: gib(60, 120, 244) },
        ]);
    });

    it("accepts each of them", () => {
        const refused = taskSizes.flatMap(({ cpu, memory }) => [
            cpuReason(cpu),
            ...memory.map((m) => memoryReason(cpu, m)),
        ]);
        expect(refused.filter((reason) => reason !== undefined)).to.deep.equal([]);
    });

    it("refuses any other CPU, naming those there are", () => {
        expect(cpuReason(300)).to.equal(
            "Fargate has no task of 300 CPU units: give one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768",
        );
    });

    it("refuses memory that does not go with the CPU, naming what does", () => {
        expect(memoryReason(256, 4096)).to.equal(
            "Fargate has no task of 256 CPU units with 4096 MiB: give one of 512, 1024, 2048",
        );
        expect(memoryReason(8192, 17 * 1024)).to.match(/^Fargate has no task of 8192 CPU units with 17408 MiB: /);
    });

    it("says nothing of the memory when the CPU itself is wrong", () => {
        expect(memoryReason(300, 512)).to.equal(undefined);
    });
});

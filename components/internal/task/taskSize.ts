// Fargate's table of CPU and memory (docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
import { Reason } from "../rules";

interface TaskSize {
    /** CPU units; 1024 are one vCPU. */
    readonly cpu: number;
    /** MiB that may go with it. */
    readonly memory: readonly number[];
}

function range(from: number, to: number, step: number): number[] {
    return Array.from({ length: (to - from) / step + 1 }, (_, index) => from + index * step);
}

const gib = 1024;

/** Every size that Fargate offers. */
export const taskSizes: readonly TaskSize[] = [
    { cpu: 256, memory: [512, gib, 2 * gib] },
    { cpu: 512, memory: range(gib, 4 * gib, gib) },
    { cpu: 1024, memory: range(2 * gib, 8 * gib, gib) },
    { cpu: 2048, memory: range(4 * gib, 16 * gib, gib) },
    { cpu: 4096, memory: range(8 * gib, 30 * gib, gib) },
    { cpu: 8192, memory: range(16 * gib, 60 * gib, 4 * gib) },
    { cpu: 16384, memory: range(32 * gib, 120 * gib, 8 * gib) },
    { cpu: 32768, memory: [60 * gib, 120 * gib, 244 * gib] },
];

/** Why Fargate has no task of this CPU. */
export function cpuReason(cpu: number): Reason {
    return taskSizes.some((size) => size.cpu === cpu)
        ? undefined
        : `Fargate has no task of ${cpu} CPU units: give one of ${taskSizes.map((size) => size.cpu).join(", ")}`;
}

/** Why Fargate has no task of this CPU with this memory; nothing when the CPU itself is wrong (cpuReason says that). */
export function memoryReason(cpu: number, memory: number): Reason {
    const size = taskSizes.find((one) => one.cpu === cpu);
    return size === undefined || size.memory.includes(memory)
        ? undefined
        : `Fargate has no task of ${cpu} CPU units with ${memory} MiB: give one of ${size.memory.join(", ")}`;
}

import { clientError } from "./state";

/** Memory in MiB that Fargate offers, by CPU units. */
export const fargateSizes: Readonly<Record<number, readonly number[]>> = {
    256: [512, 1024, 2048],
    512: range(1024, 4096, 1024),
    1024: range(2048, 8192, 1024),
    2048: range(4096, 16384, 1024),
    4096: range(8192, 30720, 1024),
    8192: range(16384, 61440, 4096),
    16384: range(32768, 122880, 8192),
    32768: [61440, 122880, 249856],
};

function range(from: number, to: number, step: number): readonly number[] {
    return Array.from({ length: (to - from) / step + 1 }, (_, i) => from + i * step);
}

/** `256` or `.25 vCPU` */
export function cpuUnits(cpu: string): number {
    const [, amount, unit] = /^(\d*\.?\d+)\s*(vcpu)?$/i.exec(cpu.trim()) ?? [];
    if (amount === undefined) {
        throw clientError(`Invalid 'cpu' setting for task: ${cpu}`);
    }
    return Number(amount) * (unit ? 1024 : 1);
}

/** `512` or `0.5 GB` */
export function memoryMiB(memory: string): number {
    const [, amount, unit] = /^(\d*\.?\d+)\s*(gb)?$/i.exec(memory.trim()) ?? [];
    if (amount === undefined) {
        throw clientError(`Invalid 'memory' setting for task: ${memory}`);
    }
    return Number(amount) * (unit ? 1024 : 1);
}

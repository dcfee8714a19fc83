/** Something that a machine lacks, and what to do. */
export interface Fault {
    readonly what: string;
    readonly remedy: string;
}
export const oldest: Readonly<Record<"node" | "python" | "go" | "pulumi", readonly [number, number]>>;
export const neededDisk: number;
export function versionOf(command: string, args?: readonly string[]): [number, number] | undefined;
export function isAtLeast(version: readonly number[] | undefined, minimum: readonly [number, number]): boolean;
export function findPython(): string | undefined;
export function systemFault(): Fault | undefined;
export function nodeFault(): Fault | undefined;
export function pythonFault(): Fault | undefined;
export function goVersion(): [number, number] | undefined;
export function goFault(): Fault | undefined;
export function diskFault(folder: string, needed?: number): Fault | undefined;

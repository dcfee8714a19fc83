// Argument faults are collected and thrown as one error, before a component makes its first child.
import * as pulumi from "@pulumi/pulumi";

import { Reason } from "./rules";

/** One refused argument. */
export interface Fault {
    readonly propertyPath: string;
    readonly reason: string;
}

/** Judges one argument: a value that is missing or still unknown is not judged. */
export function faults<T>(path: string, value: pulumi.Input<T> | undefined, judge: (value: T) => Reason): Fault[] {
    if (!isPlain(value)) {
        return [];
    }
    const reason = judge(value);
    return reason === undefined ? [] : [{ propertyPath: path, reason }];
}

/** Judges every element of a list that is known. */
export function listFaults<T>(
    path: string,
    values: pulumi.Input<pulumi.Input<T>[]> | undefined,
    judge: (value: T) => Reason,
): Fault[] {
    return isPlain(values) ? values.flatMap((value, index) => faults(`${path}[${index}]`, value, judge)) : [];
}

/** Whether a value is here now, so that it can be judged. */
export function isPlain<T>(value: pulumi.Input<T> | undefined): value is T {
    return value !== undefined && !pulumi.Output.isInstance(value) && !(value instanceof Promise);
}

/** @throws pulumi.InputPropertiesError naming every faulty argument with the first reason found, when there is one */
export function refuse(component: string, name: string, found: readonly Fault[]): void {
    const isFirst = ({ propertyPath }: Fault, index: number): boolean =>
        found.findIndex((fault) => fault.propertyPath === propertyPath) === index;
    const errors = found.filter(isFirst);
    if (errors.length > 0) {
        throw new pulumi.InputPropertiesError({
            message: `${component} "${name}" cannot be made: ${errors.map((fault) => `${fault.propertyPath}: ${fault.reason}`).join("; ")}`,
            errors,
        });
    }
}

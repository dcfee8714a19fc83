import { failure } from "./failure";

/** Environment variables of a function: its own, or those of another that is looked at. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The value of an environment variable that the function cannot do without. */
export function required(name: string, variables: Variables = process.env): string {
    const value = variables[name];
    if (!value) {
        throw failure("SettingsInvalid", `The environment variable ${name} is not set: deploy the function anew.`);
    }
    return value;
}

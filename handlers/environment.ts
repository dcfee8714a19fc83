import { failure } from "./failure";

/** The value of an environment variable that the function cannot do without. */
export function required(name: string): string {
    const value = process.env[name];
    if (!value) {
        throw failure("SettingsInvalid", `The environment variable ${name} is not set: deploy the function anew.`);
    }
    return value;
}

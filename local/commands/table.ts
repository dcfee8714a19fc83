// Every command by its word. What a command takes and does is in its own file, which is loaded when the command is
// given: help and a wrong word need none of them.
import type { Command } from "commander";

interface Entry {
    readonly summary: string;
    readonly load: () => Promise<CommandModule>;
}

/** What the file of a command exports. */
export interface CommandModule {
    /** Gives the command its arguments, its options and its action. */
    define(command: Command): void;
}

const operations = () => import("./operations");

/** The words, in the order in which help shows them. */
export const commands: Readonly<Record<string, Entry>> = {
    start: {
        summary: "start the local system, deploy the stack, run a task, and stay up until Ctrl-C",
        load: () => import("./start"),
    },
    status: { summary: "the tasks, their names and states", load: () => import("./status") },
    run: { summary: "start tasks and print their URLs", load: () => import("./run") },
    stop: { summary: "stop tasks", load: () => import("./stop") },
    logs: {
        summary: "the logs of tasks, functions and the system's own processes",
        load: () => import("./logs"),
    },
    open: { summary: "open a task in the browser", load: () => import("./open") },
    console: { summary: "print the address of the console's page", load: () => import("./console") },
    permissions: {
        summary: "what each role may do, what this run has used of it, and what it was denied",
        load: () => import("./permissions"),
    },
    dns: {
        summary: "tasks, registry and zone side by side, and what differs; with --aws, of a deployed stack",
        load: () => import("./dns"),
    },
    certificate: {
        summary: "show, renew or revoke the certificate, and what is wrong with it; with --aws, of a deployed stack",
        load: () => import("./certificate"),
    },
    patches: {
        summary: "what each task runs, how old it is and what is held against it; with --aws, of a deployed stack",
        load: () => import("./patches"),
    },
    leftovers: {
        summary: "what certificates of destroyed stacks left behind, and take it away; with --aws, in AWS",
        load: () => import("./leftovers"),
    },
    renew: {
        summary: "run the certificate renewal now, as the schedule does",
        load: () => import("./renew"),
    },
    preview: { summary: "pulumi preview of the stack", load: operations },
    up: { summary: "pulumi up of the stack", load: operations },
    destroy: { summary: "pulumi destroy of the stack", load: operations },
    accept: {
        summary: "prove what nobody has seen on AWS yet: against the local system, or with --aws in a named account",
        load: () => import("./accept"),
    },
    down: { summary: "end the local system", load: () => import("./down") },
    doctor: {
        summary: "what this machine lacks, what is in the way, and what to do about it",
        load: () => import("./doctor"),
    },
    completion: {
        summary: "print what makes a shell complete these words",
        load: async () => (await import("./completion")).completionOf(commands),
    },
};

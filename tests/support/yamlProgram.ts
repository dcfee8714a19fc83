// A Pulumi YAML program on the local system: the engine, Pulumi's own YAML host, and the components as a plugin.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import type { SystemFile } from "../../local/machine/systemFile";
import { documentedSession } from "../../local/pulumi/documentedRoles";
import { engineEnvironment } from "../../local/pulumi/operation";
import { prepareWorkspace } from "../../local/pulumi/workspace";
import { installPlugin, root } from "./plugin";

/** Runs the Pulumi CLI and gives what it printed. @throws with all of that when it fails */
export type Pulumi = (...args: string[]) => Promise<string>;

/** The CLI, with the stack "dev" of the program in a folder. */
export async function yamlStack(
    system: SystemFile,
    folder: string,
    config: Readonly<Record<string, string>>,
): Promise<Pulumi> {
    await installPlugin(system);
    const workspace = prepareWorkspace(system, join(folder, "Pulumi.yaml"), "dev", config);
    const key = await documentedSession(system, "taskgate-deploy", join(folder, "Pulumi.yaml"));
    const env = { ...process.env, ...engineEnvironment(system, workspace, key) };
    const pulumi: Pulumi = async (...args) => {
        const all = [...args, "--non-interactive", "--color", "never"];
        try {
            const command = join(root, ".tools/bin/pulumi");
            return (await promisify(execFile)(command, all, { cwd: workspace.directory, env })).stdout;
        } catch (error) {
            const { stdout, stderr } = error as { stdout?: string; stderr?: string };
            throw new Error(`pulumi ${args.join(" ")} failed:\n${stdout ?? ""}${stderr ?? String(error)}`);
        }
    };
    await pulumi("stack", "select", "--create", "dev");
    return pulumi;
}

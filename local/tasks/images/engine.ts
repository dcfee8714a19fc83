// A Docker-compatible engine of this machine, for images that nothing here stands for: `npm start -- --containers`.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** By its own command line: so its contexts and the registries that it is logged in to are the user's own. */
export interface Engine {
    /** The command, found on the PATH. */
    readonly client: string;
}

const clients = ["docker", "podman"];

const run = promisify(execFile);

/**
 * The first client on the PATH whose engine answers.
 *
 * @throws with what each said when none does
 */
export async function findEngine(): Promise<Engine> {
    const refusals: string[] = [];
    for (const client of clients) {
        try {
            await run(client, ["ps", "--quiet"], { env: clientEnvironment() });
            return { client };
        } catch (error) {
            refusals.push(`  ${client}: ${wordsOf(error as ClientError)}`);
        }
    }
    throw new Error(
        `--containers needs a Docker-compatible engine, and none answers:\n${refusals.join("\n")}\n` +
            "Start Docker or Podman, or name its socket by DOCKER_HOST. Without one: --app <folder>.",
    );
}

/**
 * Sees to it that the engine has an image: as it is there, else from its registry.
 *
 * @throws with the engine's words
 */
export async function pullByEngine({ client }: Engine, image: string): Promise<void> {
    const options = { env: clientEnvironment() };
    const isThere = await run(client, ["image", "inspect", image], options).then(
        () => true,
        () => false,
    );
    if (!isThere) {
        await run(client, ["pull", image], options).catch((error: ClientError) => {
            throw new Error(`CannotPullContainerError: ${image}: ${wordsOf(error)}`);
        });
    }
}

/** What the client finds its engine and its registries by. */
export function clientEnvironment(): Record<string, string> {
    const known = /^(HOME|PATH|XDG_RUNTIME_DIR|DOCKER_\w+|CONTAINERS?_\w+)$/;
    return Object.fromEntries(
        Object.entries(process.env).flatMap(([name, value]) =>
            known.test(name) && value !== undefined ? [[name, value]] : [],
        ),
    );
}

interface ClientError extends Error {
    readonly stderr?: string;
    readonly code?: string | number;
}

function wordsOf({ stderr, code, message }: ClientError): string {
    return code === "ENOENT" ? "not installed" : stderr?.trim() || message;
}

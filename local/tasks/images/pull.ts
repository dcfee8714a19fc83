import { type Engine, pullByEngine } from "./engine";
import { appImage, findImage, imageOfApp, type LocalApp } from "./images";
import type { Image } from "./images";
import { pullImage } from "./registry";

/** undefined = there is no such image, neither in the emulated ECR nor among those that something here stands for. */
export type PullImage = (name: string) => Promise<Image | undefined>;

export function createImagePuller(gatewayUrl: string, root: string, app?: LocalApp, engine?: Engine): PullImage {
    return async (name) => {
        if (app !== undefined && name.split(":")[0] === appImage) {
            return imageOfApp(app);
        }
        const built = await pullImage(gatewayUrl, name);
        const known = findImage(built?.base ?? name, root, gatewayUrl);
        if (known === undefined && built === undefined && engine !== undefined) {
            await pullByEngine(engine, name);
            return { entryPoint: [], command: [], programs: {}, sharesLoopback: false, engine };
        }
        if (built === undefined || known === undefined) {
            return known;
        }
        const { Env = [], Entrypoint, Cmd, WorkingDir } = built.config;
        return {
            ...known,
            digest: built.digest,
            entryPoint: Entrypoint ?? known.entryPoint,
            // An entry point of its own has nothing to do with what the base gives to its own.
            command: Cmd ?? (Entrypoint === undefined ? known.command : []),
            environment: Object.fromEntries(Env.map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string])),
            workingDirectory: WorkingDir,
            files: built.files,
        };
    };
}

// Builds an image from a Dockerfile, as far as it copies files and tells settings. Nothing can be run here: RUN is refused.
import { readFileSync, statSync } from "node:fs";
import { join, matchesGlob, posix } from "node:path";

import { DockerfileParser } from "dockerfile-ast";
import type { Arg, Copy, From, Instruction, PropertyInstruction } from "dockerfile-ast";

import { contextFiles, dockerfileOf } from "../../../components/internal/task/buildContext";

export interface BuildRequest {
    readonly context: string;
    /** Default: the context's own. */
    readonly dockerfile?: string;
    readonly args?: Readonly<Record<string, string>>;
    /** Name or number of a stage; default: the last one. */
    readonly target?: string;
}

export interface BuiltImage {
    /** What FROM names: the rest of the image. */
    readonly base: string;
    readonly config: ImageConfig;
    /** By their absolute paths in the image. */
    readonly files: ReadonlyMap<string, ImageFile>;
}

/** How a container is started, in the words of the OCI's image configuration. */
export interface ImageConfig {
    Env?: string[];
    Entrypoint?: string[];
    Cmd?: string[];
    WorkingDir?: string;
    User?: string;
    ExposedPorts?: Record<string, object>;
    Labels?: Record<string, string>;
}

export interface ImageFile {
    readonly mode: number;
    readonly content: Buffer;
}

type Files = Map<string, ImageFile>;
type Variables = Record<string, string>;

interface Stage {
    readonly name: string;
    readonly base: string;
    readonly files: Files;
    readonly args: Variables;
    readonly env: Variables;
    readonly config: ImageConfig;
}

interface Build {
    readonly request: BuildRequest;
    /** Whether something here stands for an image. */
    readonly knows: (image: string) => boolean;
    readonly stages: Stage[];
    /** Of the ARG instructions before the first FROM. */
    readonly args: Variables;
}

/**
 * The image that a build makes: the same one for the same files.
 * @throws naming what cannot be followed here, and its line
 */
export function buildImage(request: BuildRequest, knows: Build["knows"]): BuiltImage {
    const path = dockerfileOf(request);
    const build: Build = { request, knows, stages: [], args: {} };
    for (const instruction of DockerfileParser.parse(readFileSync(path, "utf8")).getInstructions()) {
        try {
            follow(build, instruction);
        } catch (error) {
            const { line } = instruction.getRange().start;
            throw new Error(`${path}:${line + 1}: ${instruction.getKeyword()} ${(error as Error).message}`, {
                cause: error,
            });
        }
    }
    const { target } = request;
    const stage = target === undefined ? build.stages.at(-1) : stageOf(build, target);
    if (stage === undefined) {
        throw new Error(`${path}: there is no stage${target === undefined ? "" : ` "${target}"`}`);
    }
    const Env = Object.entries(stage.env).map(([name, value]) => `${name}=${value}`);
    return { base: stage.base, config: { Env, ...stage.config }, files: stage.files };
}

type Follow = (stage: Stage, instruction: Instruction, build: Build) => void;

const followed: Readonly<Record<string, Follow>> = {
    ADD: copy,
    ARG: (stage, instruction, build) => declare(instruction as Arg, stage, build),
    CMD: ({ config }, instruction) => void (config.Cmd = commandOf(instruction)),
    COPY: copy,
    ENTRYPOINT: ({ config }, instruction) => void (config.Entrypoint = commandOf(instruction)),
    ENV: (stage, instruction) => void Object.assign(stage.env, pairsOf(instruction, stage)),
    EXPOSE: (stage, instruction) => {
        const ports = wordsOf(instruction, stage).map((port) => (port.includes("/") ? port : `${port}/tcp`));
        const exposed = Object.fromEntries(ports.map((port): [string, object] => [port, {}]));
        stage.config.ExposedPorts = { ...stage.config.ExposedPorts, ...exposed };
    },
    LABEL: (stage, instruction) => {
        stage.config.Labels = { ...stage.config.Labels, ...pairsOf(instruction, stage) };
    },
    USER: (stage, instruction) => void ([stage.config.User] = wordsOf(instruction, stage)),
    WORKDIR: (stage, instruction) => {
        stage.config.WorkingDir = posix.resolve(workingDirOf(stage), wordsOf(instruction, stage).join(" "));
    },
};

function follow(build: Build, instruction: Instruction): void {
    const keyword = instruction.getKeyword();
    const stage = build.stages.at(-1);
    if (keyword === "FROM") {
        build.stages.push(newStage(instruction as From, build));
    } else if (keyword === "ARG" && stage === undefined) {
        declare(instruction as Arg, { args: build.args, env: {} }, build);
    } else if (!(keyword in followed)) {
        throw new Error(
            "cannot be followed: the local system has no container runtime. It knows FROM, " +
                Object.keys(followed).join(", "),
        );
    } else if (stage === undefined) {
        throw new Error("has to come after FROM");
    } else if (!/^(CMD|ENTRYPOINT)$/.test(keyword) && instruction.getRawArgumentsContent()?.includes("\\$")) {
        throw new Error("with an escaped $ cannot be followed"); // the parser tells it from no other one
    } else {
        followed[keyword](stage, instruction, build);
    }
}

function newStage(from: From, build: Build): Stage {
    const image = expand(from.getImage() ?? "", { args: build.args, env: {} });
    const name = from.getBuildStage()?.toLowerCase() ?? "";
    const parent = stageOf(build, image);
    if (parent === undefined && !build.knows(image)) {
        throw new Error(`${image}: the local system has no program that stands for this image`);
    }
    return {
        name,
        base: parent?.base ?? image,
        files: new Map(parent?.files),
        args: {},
        env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...parent?.env },
        config: { ...parent?.config },
    };
}

function stageOf({ stages }: Build, name: string): Stage | undefined {
    return stages.find((stage) => stage.name === name.toLowerCase()) ?? stages[/^\d+$/.test(name) ? Number(name) : -1];
}

function declare(instruction: Arg, variables: Pick<Stage, "args" | "env">, { request, args }: Build): void {
    const property = instruction.getProperty();
    const name = property?.getName() ?? "";
    const initial = property?.getValue();
    const value = request.args?.[name] ?? (typeof initial === "string" ? expand(initial, variables) : args[name]);
    if (value !== undefined) {
        variables.args[name] = value;
    }
}

function copy(stage: Stage, instruction: Instruction, build: Build): void {
    const flags = Object.fromEntries(
        (instruction as Copy).getFlags().map((flag) => [flag.getName(), flag.getValue() ?? ""]),
    );
    // Owners mean nothing where no user is another; layers are not shared.
    const refused = Object.keys(flags).find((flag) => !["chmod", "chown", "from", "link"].includes(flag));
    if (refused !== undefined) {
        throw new Error(`--${refused} cannot be followed`);
    }
    const words = wordsOf(instruction, stage);
    const notPlain = instruction.getKeyword() === "ADD" ? /^<<|:\/\/|^git@|\.(tar|tgz|gz|bz2|xz)$/ : /^<</;
    const special = words.find((word) => notPlain.test(word));
    if (special !== undefined) {
        throw new Error(`${special}: the local system copies plain files only`);
    }
    const from = flags.from === undefined ? filesOfContext(build.request) : stageOf(build, flags.from)?.files;
    if (from === undefined) {
        throw new Error(`--from=${flags.from}: there is no such stage, and nothing can be copied from another image`);
    }

    const target = words.pop() ?? "";
    const destination = posix.resolve(workingDirOf(stage), target);
    const sources = words.flatMap((word) => pathsLike(word, from));
    const isFolder =
        sources.length > 1 ||
        ["", ".", ".."].includes(target.slice(target.lastIndexOf("/") + 1)) ||
        destination === workingDirOf(stage) ||
        [...stage.files.keys()].some((path) => path.startsWith(posix.join(destination, "/")));
    const put = (path: string, { mode, content }: ImageFile): void =>
        void stage.files.set(path, { mode: flags.chmod === undefined ? mode : parseInt(flags.chmod, 8), content });
    for (const source of sources) {
        const folder = source === "/" ? "/" : `${source}/`;
        for (const [path, file] of from) {
            if (path === source) {
                put(isFolder ? posix.join(destination, posix.basename(path)) : destination, file);
            } else if (path.startsWith(folder)) {
                put(posix.join(destination, path.slice(folder.length)), file); // of a folder, what is in it
            }
        }
    }
}

/** As if the context were the root of an image. */
function filesOfContext(request: BuildRequest): Files {
    return new Map(
        contextFiles(request).map((file) => {
            const path = join(request.context, file);
            return [`/${file}`, { mode: statSync(path).mode & 0o777, content: readFileSync(path) }];
        }),
    );
}

/** The files and folders that a source of COPY names; `*`, `?` and `[…]` stand for others within a name. */
function pathsLike(source: string, files: Files): string[] {
    const pattern = posix.resolve("/", source);
    const found = [...allPaths(files)].filter((path) => path === pattern || matchesGlob(path, pattern));
    if (found.length === 0) {
        throw new Error(`${source}: there is no such file; what .dockerignore names counts as none`);
    }
    return found;
}

/** Of the files, and of the folders that they are in. */
function allPaths(files: Files): Set<string> {
    const paths = new Set(["/"]);
    for (let path of files.keys()) {
        for (; !paths.has(path); path = posix.dirname(path)) {
            paths.add(path);
        }
    }
    return paths;
}

function workingDirOf({ config }: Stage): string {
    return config.WorkingDir ?? "/";
}

/** `["node", "server.mjs"]`, or what a shell is to run. */
function commandOf(instruction: Instruction): string[] {
    const content = instruction.getArgumentsContent() ?? "";
    return jsonWords(content) ?? ["/bin/sh", "-c", content];
}

function wordsOf(instruction: Instruction, stage: Stage): string[] {
    const words =
        jsonWords(instruction.getArgumentsContent() ?? "") ?? instruction.getArguments().map((word) => word.getValue());
    return words.map((word) => expand(word, stage));
}

function jsonWords(content: string): string[] | undefined {
    try {
        const words: unknown = JSON.parse(content);
        return Array.isArray(words) && words.every((word) => typeof word === "string") ? words : undefined;
    } catch {
        return undefined;
    }
}

function pairsOf(instruction: Instruction, stage: Stage): Variables {
    const properties = (instruction as PropertyInstruction).getProperties();
    return Object.fromEntries(
        properties.map((property) => [property.getName(), expand(property.getValue() ?? "", stage)]),
    );
}

/** `$NAME`, `${NAME}`, `${NAME:-otherwise}` and `${NAME:+instead}`; ENV wins over ARG. */
function expand(text: string, { args, env }: Pick<Stage, "args" | "env">): string {
    const variable = /\$\{(\w+)(?::([-+])([^}]*))?\}|\$(\w+)/g;
    return text.replace(variable, (_, braced?: string, operator?: string, word?: string, bare?: string) => {
        const value = { ...args, ...env }[braced ?? bare ?? ""] ?? "";
        return operator === "+" ? value && (word ?? "") : operator === "-" ? value || (word ?? "") : value;
    });
}

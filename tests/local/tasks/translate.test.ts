import { expect } from "chai";

import { commandLine, findImage } from "../../../local/tasks/images/images";
import type { Image } from "../../../local/tasks/images/images";
import { pipeDirectories, translate, translateHealthCheck } from "../../../local/tasks/translate";
import type { Translation } from "../../../local/tasks/translate";

const translation: Translation = {
    address: "127.1.1.2",
    loopback: "127.1.129.2",
    ownLoopback: "127.1.129.2",
    isOpen: (port) => port !== 8480,
    mounts: { "/run/tls": "volumes/tls" },
    sharesLoopback: true,
};

describe("the words of a container", () => {
    it("move an Envoy's listeners to interface and loopback, its clusters to loopback, its pipes into the task's directory", () => {
        const bootstrap = {
            admin: { address: { pipe: { path: "/run/envoy/admin.sock", mode: 432 } } },
            listeners: [
                { address: { socket_address: { address: "0.0.0.0", port_value: 8443 } } },
                { address: { socket_address: { address: "::", ipv4_compat: true, port_value: 8480 } } },
                { address: { socketAddress: { address: "127.0.0.1", portValue: 8080 } } },
                { address: { socket_address: { address: "10.0.0.9", port_value: 80 } } },
            ],
            clusters: [{ socket_address: { address: "127.0.0.1", port_value: 8080 } }],
            secret: { path: "/run/tls/sds.json", watched: "/run/tls", other: "/run/tls-other", text: "127.0.0.1" },
        };
        const translated = translate(JSON.stringify(bootstrap), translation);

        expect(JSON.parse(translated)).to.deep.equal({
            admin: { address: { pipe: { path: "run/envoy/admin.sock", mode: 432 } } },
            listeners: [
                {
                    address: { socket_address: { address: "127.1.1.2", port_value: 8443 } },
                    additional_addresses: [
                        { address: { socket_address: { address: "127.1.129.2", port_value: 8443 } } },
                    ],
                },
                { address: { socket_address: { address: "127.1.129.2", port_value: 8480 } } },
                { address: { socketAddress: { address: "127.1.129.2", portValue: 8080 } } },
                { address: { socket_address: { address: "10.0.0.9", port_value: 80 } } },
            ],
            clusters: [{ socket_address: { address: "127.1.129.2", port_value: 8080 } }],
            secret: {
                path: "volumes/tls/sds.json",
                watched: "volumes/tls",
                other: "/run/tls-other",
                text: "127.0.0.1",
            },
        });
        expect(pipeDirectories(translated)).to.deep.equal(["run/envoy"]);
    });

    it("move loopback in a script, where the image shares it", () => {
        expect(translate("curl http://127.0.0.1:19901/ready || curl localhost:1", translation)).to.equal(
            "curl http://127.1.129.2:19901/ready || curl 127.1.129.2:1",
        );
        expect(translate("http://127.0.0.1:1", { ...translation, sharesLoopback: false })).to.equal(
            "http://127.0.0.1:1",
        );
    });

    it("move Traefik's entry points to the interface, if their ports are open, and its check with them", () => {
        const flags = ["--entryPoints.web.address=:8480", "--entryPoints.ping.address=0.0.0.0:8080"];

        expect(flags.map((flag) => translate(flag, translation))).to.deep.equal([
            "--entryPoints.web.address=127.1.129.2:8480",
            "--entryPoints.ping.address=127.1.1.2:8080",
        ]);
        expect(translateHealthCheck("--entryPoints.ping.address=127.0.0.1:8080", translation)).to.equal(
            "--entryPoints.ping.address=127.1.1.2:8080",
        );
    });

    it("move the paths of mounted volumes", () => {
        expect(translate("cp /run/tls/key.pem /tmp/run/tls", translation)).to.equal(
            "cp volumes/tls/key.pem /tmp/run/tls",
        );
    });
});

describe("the command line of a container", () => {
    const image: Image = {
        entryPoint: ["envoy"],
        command: ["-c", "/etc/envoy/envoy.yaml"],
        programs: { envoy: ["/tools/envoy"] },
        sharesLoopback: true,
    };

    it("is the image's own, with its program replaced", () => {
        expect(commandLine(image, [], [])).to.deep.equal(["/tools/envoy", "-c", "/etc/envoy/envoy.yaml"]);
    });

    it("has the command's options, with or without the program before them", () => {
        expect(commandLine(image, [], ["--config-yaml", "{}"])).to.deep.equal(["/tools/envoy", "--config-yaml", "{}"]);
        expect(commandLine(image, [], ["envoy", "--config-yaml", "{}"])).to.deep.equal([
            "/tools/envoy",
            "--config-yaml",
            "{}",
        ]);
    });

    it("is another program where the entry point says so", () => {
        expect(commandLine(image, ["/usr/local/bin/envoy"], [])).to.deep.equal(["/tools/envoy"]);
        expect(commandLine(image, ["/bin/sh", "-c"], ["true"])).to.deep.equal(["/bin/sh", "-c", "true"]);
    });

    it("needs an image that is known, whatever its registry, tag and digest", () => {
        const root = "/nowhere";
        for (const name of [
            "traefik/whoami",
            "traefik/whoami:v1.11",
            "docker.io/traefik/whoami@sha256:12",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/hub/traefik/whoami:v1.11@sha256:12",
            "localhost:5000/traefik/whoami:1",
        ]) {
            expect(findImage(name, root)?.entryPoint, name).to.deep.equal(["whoami"]);
        }
        for (const name of ["nginx", "traefik/whoami2:1", "mytraefik/whoami:1"]) {
            expect(findImage(name, root), name).to.equal(undefined);
        }
    });
});

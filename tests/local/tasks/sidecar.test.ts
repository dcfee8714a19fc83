import { connect } from "node:tls";

import { StopTaskCommand } from "@aws-sdk/client-ecs";
import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { envoyImage } from "../../../components/internal/envoy/envoyVersion";
import { startLocalEcs } from "../../support/localEcs";
import type { LocalEcs } from "../../support/localEcs";

const port = 8443;
const shell = ["/bin/sh", "-ec"];
const mount = (sourceVolume: string, containerPath: string) => ({ sourceVolume, containerPath });

const bootstrap = {
    admin: { address: { pipe: { path: "/run/envoy/admin.sock" } } },
    static_resources: {
        listeners: [
            {
                name: "https",
                address: { socket_address: { address: "0.0.0.0", port_value: port } },
                filter_chains: [
                    {
                        transport_socket: {
                            name: "envoy.transport_sockets.tls",
                            typed_config: {
                                "@type":
                                    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                                common_tls_context: {
                                    tls_certificates: [
                                        {
                                            certificate_chain: { filename: "/run/tls/certificate.pem" },
                                            private_key: { filename: "/run/tls/key.pem" },
                                        },
                                    ],
                                },
                            },
                        },
                        filters: [
                            {
                                name: "envoy.filters.network.http_connection_manager",
                                typed_config: {
                                    "@type":
                                        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                                    stat_prefix: "https",
                                    route_config: {
                                        virtual_hosts: [
                                            {
                                                name: "all",
                                                domains: ["*"],
                                                routes: [{ match: { prefix: "/" }, direct_response: { status: 503 } }],
                                            },
                                        ],
                                    },
                                    http_filters: [
                                        {
                                            name: "envoy.filters.http.router",
                                            typed_config: {
                                                "@type":
                                                    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                                            },
                                        },
                                    ],
                                },
                            },
                        ],
                    },
                ],
            },
        ],
    },
};

const init: ContainerDefinition = {
    name: "init",
    image: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
    essential: false,
    entryPoint: shell,
    command: [
        "chmod 1777 /run/envoy; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365" +
            " -subj /CN=task -keyout /run/tls/key.pem -out /run/tls/certificate.pem 2>/dev/null",
    ],
    mountPoints: [mount("envoy", "/run/envoy"), mount("tls", "/run/tls")],
};
const envoy: ContainerDefinition = {
    name: "envoy",
    image: envoyImage,
    command: ["--config-yaml", JSON.stringify(bootstrap), "--concurrency", "1", "--disable-hot-restart"],
    dependsOn: [{ containerName: "init", condition: "SUCCESS" }],
    mountPoints: [mount("envoy", "/run/envoy"), mount("tls", "/run/tls")],
};
const lifecycle: ContainerDefinition = {
    name: "lifecycle",
    image: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
    entryPoint: shell,
    command: [
        "trap 'curl -s --unix-socket /run/envoy/admin.sock -X POST http://envoy/healthcheck/fail; exit 0' TERM;" +
            " echo waiting; while :; do sleep 60 & wait $!; done",
    ],
    healthCheck: { command: ["CMD-SHELL", `curl -sk https://127.0.0.1:${port}/ -o /dev/null`] },
    dependsOn: [{ containerName: "envoy", condition: "START" }],
    mountPoints: [mount("envoy", "/run/envoy")],
};

describe("volumes, init and lifecycle containers of the local ECS", () => {
    let local: LocalEcs;

    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    it("share volumes, prove the TLS handshake, and drain Envoy before it ends", async () => {
        const taskArn = await local.run(init, envoy, lifecycle);
        const { containers } = await local.healthy(taskArn);
        const host = containers![1].networkInterfaces![0].privateIpv4Address!;
        const subject = await new Promise((resolve, reject) => {
            const socket = connect({ host, port, rejectUnauthorized: false }, () => {
                resolve(socket.getPeerCertificate().subject.CN);
                socket.destroy();
            }).once("error", reject);
        });
        await local.client.send(new StopTaskCommand({ cluster: "test", task: taskArn }));
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(containers!.map(({ name, lastStatus }) => [name, lastStatus])).to.deep.equal([
            ["init", "STOPPED"],
            ["envoy", "RUNNING"],
            ["lifecycle", "RUNNING"],
        ]);
        expect(subject).to.equal("task");
        expect(local.log(taskArn, "lifecycle")).to.equal("waiting\nOK\n");
        expect(stopped.containers!.map(({ exitCode }) => exitCode)).to.deep.equal([0, 0, 0]);
    });
});

/**
 * A fan-out server as one writes it first with Bun: /source publishes to a topic, everybody else subscribes to it. It never looks
 * at what a receiver has waiting; Bun leaves messages out past its backpressure limit. Prints its port on 127.0.0.1.
 */
const server = Bun.serve<{ isSource: boolean }, never>({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, its) {
    const isSource = new URL(request.url).pathname.startsWith("/source");
    if (its.upgrade(request, { data: { isSource } })) return undefined;
    return new Response("WebSockets only\n", { status: 426 });
  },
  websocket: {
    maxPayloadLength: 2 ** 26,
    open(socket) {
      if (!socket.data.isSource) socket.subscribe("bench");
    },
    message(socket, data) {
      if (socket.data.isSource) server.publish("bench", data);
    },
  },
});
console.log(server.port);

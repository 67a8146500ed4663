// A fan-out server as one writes it first with npm's ws on node: /source sends, everybody else receives. It never looks at
// what a receiver has waiting, as such servers do not. Prints its port on 127.0.0.1.
const { WebSocketServer } = require("ws");

const receivers = new Set();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 1 << 26 });
server.on("listening", () => console.log(server.address().port));
server.on("connection", (socket, { url }) => {
  socket.on("error", () => receivers.delete(socket));
  if (url.startsWith("/source")) {
    socket.on("message", (data) => {
      for (const receiver of receivers) receiver.send(data, { binary: true });
    });
  } else {
    receivers.add(socket);
    socket.on("close", () => receivers.delete(socket));
  }
});

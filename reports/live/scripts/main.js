// Starts every stage of the page. Errors are shown where the net would be, not only in the console.

function start() {
  const source = document.getElementById("model");
  const address = new Address();
  offerTables(document);
  if (source) {
    const model = JSON.parse(source.textContent), tasks = model.tasks.map(task => new Task(task));
    document.querySelectorAll("[data-net]").forEach(host => {
      const net = model.nets[Number(host.dataset.net)];
      const stage = new Stage(host, net, tasks[net.task], address);
      address.add(stage);
    });
    if (address.read()) address.stages[0].host.scrollIntoView();
  }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start();

// CommonJS, which Node 20.19 lets require ES modules.
const { tensor } = require("nabla");

console.log(
  JSON.stringify({
    product: tensor([[3, 4]])
      .matmul(tensor([[1], [2]]))
      .itemSync(),
  }),
);

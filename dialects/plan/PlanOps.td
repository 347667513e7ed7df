//===- PlanOps.td - what the device does: one op per statement of the emitted driver --------------------===//

#ifndef GEMMAC_DIALECTS_PLAN_OPS
#define GEMMAC_DIALECTS_PLAN_OPS

include "dialects/ContractAttrs.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::gemmac::plan";
  let summary = "What the device does";
  let description = [{
    Functions are `func.func`, buffers are `memref`s, loops are `scf`; this dialect adds what those lack. Three memories exist: the weights file
    (`plan.weight`), the caches (`plan.cache`) and the arena (`memref.alloc`, later `plan.arena`). All offsets are bytes from the start of their
    memory.

    A public function is an entry of the model, which callers can run. Its arguments are its ports, in the order of the caller's arrays: inputs with
    `plan.input`, then outputs with `plan.output`, whose value is the port's name. Their `?` is the number of tokens of the call, `plan.tokens` its
    maximum, `plan.token_class` the class that kernels were selected for; `plan.arena_bytes` is set once buffers have offsets.
    ```mlir
    func.func @decode(%tokens: memref<?xi32> {plan.input = "tokens"}, %logits: memref<?x2048xf32> {plan.output = "logits"})
        attributes {plan.tokens = 1 : i64, plan.token_class = #plan.token_class<one>}
    ```
    `port-p1`: the name is a string, on an argument that is a memref of which only the first axis may be `?`.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
}

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_KernelAttr : AttrDef<Plan_Dialect, "Kernel"> {
  let mnemonic = "kernel";
  let summary = "A kernel's specification: its family and the constants it is compiled for";
  let description = [{
    Equal specifications are one object file:
    `#plan.kernel<"softcap", {cap = 30.0, heads = 1 : i64, size = 2048 : i64}, schedule = {grain = 8}>`. Numbers are i64 or f64,
    words are strings. The table of kernels, `contract/KernelFamilies.cpp`, lists the families and their constants. The schedule,
    `contract/Schedule.h`, decides how the kernel does its work; a kernel can be compiled once its schedule is complete.

    `kernel-a1`: the family has the numbers of the schedule, and each is in its range.
  }];
  let parameters = (ins "::mlir::StringAttr":$family, "::mlir::DictionaryAttr":$constants, "::gemmac::Schedule":$schedule);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def Plan_TokenClass : I32EnumAttr<"TokenClass", "how many tokens an entry's calls bring", [
    I32EnumAttrCase<"one", 0>,
    I32EnumAttrCase<"few", 1>,
    I32EnumAttrCase<"many", 2>]> {
  let cppNamespace = "::gemmac::plan";
  let genSpecializedAttr = 0;
}
def Plan_TokenClassAttr : EnumAttr<Plan_Dialect, Plan_TokenClass, "token_class"> {
  let description = [{
    `one`: always one. `few`: up to the entry's maximum, which is small (a draft that is verified). `many`: up to the entry's maximum, a chunk of a
    prompt. Kernels are selected by it.
  }];
  let assemblyFormat = "`<` $value `>`";
}

def Plan_Memory : I32EnumAttr<"Memory", "which of a step's memories", [
    I32EnumAttrCase<"weights", 0>,
    I32EnumAttrCase<"cache", 1>,
    I32EnumAttrCase<"arena", 2>,
    I32EnumAttrCase<"input", 3>,
    I32EnumAttrCase<"output", 4>]> {
  let cppNamespace = "::gemmac::plan";
}

def Plan_Space : I32EnumAttr<"Space", "where a memory is", [
    I32EnumAttrCase<"host", 0>,
    I32EnumAttrCase<"device", 1>,
    I32EnumAttrCase<"flash", 2>]> {
  let cppNamespace = "::gemmac::plan";
  let genSpecializedAttr = 0;
}
def Plan_SpaceAttr : EnumAttr<Plan_Dialect, Plan_Space, "space"> {
  let description = [{
    The memory space of buffer types. `host`: memory that the processor running the driver reads and writes. `device`: memory of an accelerator.
    `flash`: memory that is read in place and never written.
  }];
  let assemblyFormat = "`<` $value `>`";
}

def Plan_WeightOp : Plan_Op<"weight", [Symbol]> {
  let summary = "A weight in the weights file: one or more planes of packed numbers";
  let description = [{
    `planes` are the types of its arrays in file order, each at its offset in the tensor region. The rest tells the packer where the numbers come from: `sources` (tensors or ranges of them, as in `gemma.weight`), the
    logical `shape` (experts first where there are any), the `scheme` and whether 1 is added (`add_one`).

    `weight-p1`: as many offsets as planes, none negative, planes of static shape.
    ```mlir
    plan.weight @layer0.qkv layout "tiles16" planes [memref<12x2x4x16x4xi8>, memref<12x2x16xf16>] at [0, 6144]
        shape [192, 64] scheme "q4_0" from ["q_proj.weight", "k_proj.weight", "v_proj.weight"]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Contract_LayoutAttr:$layout, TypeArrayAttr:$planes,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$offsets, DenseI64ArrayAttr:$shape, Contract_SchemeAttr:$scheme,
                       UnitAttr:$add_one, Contract_SourcesAttr:$sources);
  let assemblyFormat = [{
    $sym_name `layout` $layout `planes` $planes (`at` $offsets^)? `shape` $shape `scheme` $scheme (`add_one` $add_one^)?
    `from` custom<Sources>($sources) attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_CacheOp : Plan_Op<"cache", [Symbol]> {
  let summary = "Keys and values of a layer, in the cache memory";
  let description = [{
    `planes` are the types of its arrays, each at its offset.

    `cache-p1`: as many offsets as planes, none negative, planes of static shape.
    ```mlir
    plan.cache @layer0.cache planes [memref<1x1x16x32x16xf16>, memref<1x1x2x256x16xf16>] at [0, 16384]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeArrayAttr:$planes,
                       DefaultValuedAttr<DenseI64ArrayAttr, "{}">:$offsets);
  let assemblyFormat = "$sym_name `planes` $planes (`at` $offsets^)? attr-dict";
  let hasVerifier = 1;
}

def Plan_TableOp : Plan_Op<"table", [Symbol]> {
  let summary = "The differences between layers that share one procedure, one row per layer";
  let description = [{
    `layers` is the layer of the model of each row. A column holds either planes of weights or caches (`planes[c]` is the plane; the rows name the
    symbols) or plain numbers (`planes[c]` is -1). The cell of a plane is its byte offset in its memory.

    `table-p1`: every row is as long as `planes`. `table-p2`: a column of planes holds symbols, a column of numbers holds integers. `table-p3`: as
    many layers as rows.
    ```mlir
    plan.table @sliding_layers layers [0, 1] planes [0, 1, -1] rows [[@layer0.qkv, @layer0.qkv, 0], [@layer1.qkv, @layer1.qkv, 1]]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$layers, DenseI64ArrayAttr:$planes, ArrayAttr:$rows);
  let assemblyFormat = "$sym_name `layers` $layers `planes` $planes `rows` $rows attr-dict";
  let hasVerifier = 1;
}

def Plan_GetOp : Plan_Op<"get", [Pure]> {
  let summary = "The array of a weight's or cache's plane";
  let description = [{
    ```mlir
    %w = plan.get @layer0.qkv plane 0 : memref<12x2x4x16x4xi8>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, I64Attr:$plane);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$symbol `plane` $plane attr-dict `:` type($result)";
}

def Plan_RowGetOp : Plan_Op<"row_get", [Pure]> {
  let summary = "The array that a table names in this row and column";
  let description = [{
    ```mlir
    %w = plan.row_get @sliding_layers[%layer, 0] : memref<12x2x4x16x4xi8>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$table, Index:$row, I64Attr:$column);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$table `[` $row `,` $column `]` attr-dict `:` type($result)";
}

def Plan_RowNumberOp : Plan_Op<"row_number", [Pure]> {
  let summary = "The number that a table holds in this row and column";
  let description = [{
    In a column of planes it is the byte offset of the plane in its memory.
    ```mlir
    %i = plan.row_number @sliding_layers[%layer, 2]
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$table, Index:$row, I64Attr:$column);
  let results = (outs Index:$result);
  let assemblyFormat = "$table `[` $row `,` $column `]` attr-dict";
}

def Plan_ArenaOp : Plan_Op<"arena", [Pure]> {
  let summary = "A buffer in the arena, which overlaps no buffer with an overlapping live range";
  let description = [{
    ```mlir
    %x = plan.arena at 4096 (%n) : memref<?x64xf32>
    ```
  }];
  let arguments = (ins I64Attr:$offset, Variadic<Index>:$sizes);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "`at` $offset `(` $sizes `)` attr-dict `:` type($result)";
}

def Plan_CountOp : Plan_Op<"count", [Pure]> {
  let summary = "The number of tokens of this call";
  let description = [{
    It is the same in all functions during a call of an entry, so procedures query it and need no argument for it.
    ```mlir
    %n = plan.count
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Plan_PositionOp : Plan_Op<"position", [Pure]> {
  let summary = "The position of this call's first token";
  let description = [{
    It starts at 0 and stays within the compiled context. Like `plan.count`, it is the same in all functions during a call of an entry.
    ```mlir
    %p = plan.position
    ```
  }];
  let results = (outs Index:$result);
  let assemblyFormat = "attr-dict";
}

def Plan_OffsetOp : Plan_Op<"offset", [Pure]> {
  let summary = "The byte offset of a weight's or cache's plane in its memory";
  let description = [{
    ```mlir
    %o = plan.offset @layer0.qkv plane 1
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol, I64Attr:$plane);
  let results = (outs Index:$result);
  let assemblyFormat = "$symbol `plane` $plane attr-dict";
}

def Plan_ViewOp : Plan_Op<"view", [Pure, AttrSizedOperandSegments]> {
  let summary = "An array in a memory of the step: a base, a byte offset and sizes";
  let description = [{
    The form of every kernel argument in a finished plan. The array starts `bytes`, plus `beyond` if that is given, after the start of its memory;
    `port` is the index of the input or output. Strides are those of the type, in elements; `sizes` are its dynamic sizes, in order. The type's memory
    space says where the memory is.

    `view-p1`: `port` is given if, and only if, the memory is `input` or `output`. `view-p2`: the type is strided, with constant strides and no offset
    of its own; it has as many `?` as there are sizes. `view-p3`: the type has a space of the plan. `view-p4`: bytes are not negative.
    ```mlir
    %x = plan.view arena at 4096 (%n) : memref<?x64xf32, strided<[128, 1]>, #plan.space<host>>
    %w = plan.view weights at 0 plus %o () : memref<12x2x16xf16, strided<[32, 16, 1]>, #plan.space<host>>
    %i = plan.view input port 0 at 0 (%n) : memref<?xi32, strided<[1]>, #plan.space<host>>
    ```
  }];
  let arguments = (ins Plan_Memory:$memory, OptionalAttr<I64Attr>:$port, I64Attr:$bytes, Optional<Index>:$beyond,
                       Variadic<Index>:$sizes);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat = [{
    $memory (`port` $port^)? `at` $bytes (`plus` $beyond^)? `(` $sizes `)` attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Plan_CallOp : Plan_Op<"call"> {
  let summary = "Run a kernel";
  let description = [{
    Operands are the kernel's arguments in its order: inputs, weights' planes, then `outputs` outputs, the last operands.
    With `parallel` threads split the work along axis `axis` of the last operand, into pieces of
    `grain` indices; each piece sees only its part of every output that has this axis. A finished
    plan gives every call a `number`, and, outside of procedures, the `layer` that it belongs to.

    `call-p1`: there is at least one output. `call-p2`: the axis exists in the outputs, the grain is positive. The table of kernels defines
    `call-p3`: the family; `call-p4`: its constants, each given once and in range; `call-p5`: the number of arguments and of outputs; `call-p6`:
    their elements; `call-p7`: their axes: constants as in the table, and equal sizes for one name, such as `n`; `call-p8`: the axes along which
    the family may be split; the split axis has one size in all outputs. `call-p9`: an output is no input, except that the first may be the
    family's in-place input. `call-p10`: kernels of one symbol have the same specification (checked where a plan's kernels are collected).
    ```mlir
    plan.call #plan.kernel<"rms_norm", {heads = 1 : i64, size = 64 : i64, weighted = 1 : i64, eps = 1.0e-6}> (%x, %w, %y) outputs 1 parallel axis 0 grain 1
        : memref<?x1x64xf32>, memref<64xf32>, memref<?x1x64xf32>
    ```
  }];
  let arguments = (ins Plan_KernelAttr:$kernel, Variadic<AnyMemRef>:$operands_, I64Attr:$outputs,
                       OptionalAttr<I64Attr>:$axis, OptionalAttr<I64Attr>:$grain, OptionalAttr<I64Attr>:$number,
                       OptionalAttr<I64Attr>:$layer);
  let assemblyFormat = [{
    (`number` $number^)? (`layer` $layer^)? $kernel `(` $operands_ `)` `outputs` $outputs (`parallel` `axis` $axis^ `grain` $grain)?
    attr-dict `:` type($operands_)
  }];
  let hasVerifier = 1;
}

#endif

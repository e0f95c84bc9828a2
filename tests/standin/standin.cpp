// A second device made of the first: its memory is the CPU's, its kernels are the CPU's, its tensors are not.
//
// Every operator that reaches the device becomes a `Call`: each device tensor is replaced by a CPU tensor over the same
// memory, the CPU's kernel runs, and what it returns is labelled as the device's. A CPU tensor among the arguments is
// refused as CUDA refuses it. Built for PyTorch's PrivateUse1 device, which plays CUDA, or with -DSTANDIN_MPS as "mps".
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/detail/MPSHooksInterface.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace {

#ifdef STANDIN_MPS
#define STANDIN_KEY MPS
constexpr bool kHasDouble = false;
#else
#define STANDIN_KEY PrivateUse1
constexpr bool kHasDouble = true;
#endif
constexpr auto kType = c10::DeviceType::STANDIN_KEY;
constexpr auto kKey = c10::DispatchKey::STANDIN_KEY;
const c10::Device kDevice(kType, 0);

// ---- Set by the tests ----

bool rounds_convolutions = false, rounds_products = false;  // their inputs to ten bits, as tensor cores do (TF32)
std::set<std::string> takes_cpu_scalar;  // operators whose CUDA kernel accepts a CPU tensor without dimensions

// ---- Memory: a device storage owns a CPU storage and points to its bytes ----

void release(void* host) { delete static_cast<c10::Storage*>(host); }

at::DataPtr bytes_of(c10::Storage host) {
  void* bytes = host.mutable_data();
  return {bytes, new c10::Storage(std::move(host)), &release, kDevice};
}

struct DeviceAllocator final : c10::Allocator {
  at::DataPtr allocate(size_t size) override {
    auto* cpu = c10::GetCPUAllocator();
    return bytes_of(c10::Storage(c10::Storage::use_byte_size_t(), size, cpu->allocate(size), cpu, true));
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, size_t size) const override { default_copy_data(to, from, size); }
};
DeviceAllocator allocator;

const c10::Storage& host_of(const c10::Storage& storage) {
  const auto& pointer = storage.data_ptr();
  TORCH_CHECK(pointer.get_deleter() == &release, "standin: a storage that this device did not make");
  return *static_cast<c10::Storage*>(pointer.get_context());
}

c10::Storage device_storage(const c10::Storage& host) {
  return c10::Storage(c10::Storage::use_byte_size_t(), host.nbytes(), bytes_of(host), &allocator, true);
}

bool same(const c10::Storage& one, const c10::Storage& other) {
  return one.unsafeGetStorageImpl() == other.unsafeGetStorageImpl();
}

// ---- Tensors: one memory, two labels ----

struct Pair {
  at::Tensor device, host;
};

bool on_device(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == kType; }

at::Tensor labelled(const at::Tensor& model, const c10::Storage& storage, c10::DispatchKey key) {
  auto made = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), c10::DispatchKeySet(key), model.dtype());
  auto* impl = made.unsafeGetTensorImpl();
  impl->set_storage_offset(model.storage_offset());
  impl->set_sizes_and_strides(model.sizes(), model.strides());
  if (model.unsafeGetTensorImpl()->is_wrapped_number()) impl->set_wrapped_number(true);
  impl->_set_conj(model.is_conj());
  impl->_set_neg(model.is_neg());
  return made;
}

// ---- Random numbers: a generator of the device's own, whose stream is not the CPU's ----

struct DeviceGenerator final : c10::GeneratorImpl {
  static constexpr uint64_t kOtherStream = 0x9E3779B97F4A7C15;
  at::Generator host = at::make_generator<at::CPUGeneratorImpl>(kOtherStream);
  uint64_t given = 0;

  DeviceGenerator() : GeneratorImpl(kDevice, c10::DispatchKeySet(kKey)) {}
  void set_current_seed(uint64_t seed) override {
    given = seed;
    host.set_current_seed(seed ^ kOtherStream);
  }
  uint64_t current_seed() const override { return given; }
  uint64_t seed() override {
    set_current_seed(c10::detail::getNonDeterministicRandom());
    return given;
  }
  void set_offset(uint64_t) override {}
  uint64_t get_offset() const override { return 0; }
  void set_state(const c10::TensorImpl& state) override { host.unsafeGetGeneratorImpl()->set_state(state); }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override { return host.unsafeGetGeneratorImpl()->get_state(); }
  DeviceGenerator* clone_impl() const override {
    auto* copy = new DeviceGenerator();
    copy->given = given;
    copy->host = host.clone();
    return copy;
  }
};

const at::Generator& default_generator() {
  static const at::Generator one = at::make_generator<DeviceGenerator>();
  return one;
}

at::Generator host_generator(const at::Generator& generator) {
  return static_cast<DeviceGenerator*>(generator.unsafeGetGeneratorImpl())->host;
}

// ---- Precision: a GPU adds in an order of its own, and tensor cores read ten bits of each factor ----

struct Sum {
  bool& rounds;
  std::vector<size_t> factors;  // which arguments
};
const std::map<std::string, Sum> kSums = {
    {"aten::convolution", {rounds_convolutions, {0, 1}}},
    {"aten::convolution_backward", {rounds_convolutions, {0, 1, 2}}},
    {"aten::mm", {rounds_products, {0, 1}}},
    {"aten::bmm", {rounds_products, {0, 1}}},
    {"aten::addmm", {rounds_products, {1, 2}}},
    {"aten::baddbmm", {rounds_products, {1, 2}}},
};

at::Tensor to_tf32(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.scalar_type() != at::kFloat) return tensor;
  const int64_t half = 0x1000, kept = ~int64_t{0x1FFF};  // of the 23 bits behind the point ten stay
  return tensor.view(at::kInt).add(half).bitwise_and(kept).view(at::kFloat);
}

// Up or down by one unit in the last place, drawn anew for each call: one factor for all of a result, since a draw for
// each number would take longer than the convolution.
void add_noise(at::Tensor result) {
  static std::mt19937 draws(1);
  if (!result.defined()) return;
  const double unit = result.scalar_type() == at::kDouble ? 0x1p-52 : 0x1p-23;
  result.mul_(draws() % 2 ? 1 + unit : 1 - unit);
}

// ---- The one kernel ----

class Call {
 public:
  Call(const c10::OperatorHandle& op, torch::jit::Stack* stack)
      : op_(op), schema_(op.schema()), stack_(*stack), begin_(stack->size() - schema_.arguments().size()) {
    name_ = schema_.name();
    if (!schema_.overload_name().empty()) name_ += "." + schema_.overload_name();
  }

  void run() {
    take_arguments();
    if (here_) refuse_strangers();
    give_generators();
    const auto sum = kSums.find(name_);
    const bool sums = here_ && sum != kSums.end();
    if (sums && sum->second.rounds)
      for (size_t i : sum->second.factors) argument(i) = to_tf32(argument(i).toTensor());
    {
      at::AutoDispatchBelowADInplaceOrView below;
      op_.callBoxed(&stack_);
    }
    const auto first = stack_.size() - schema_.returns().size();
    for (size_t i = first; sums && i < stack_.size(); ++i) add_noise(stack_[i].toTensor());
    for (const auto& pair : taken_) follow(pair);
    for (size_t i = first; here_ && i < stack_.size(); ++i) give_back(stack_[i]);
  }

 private:
  c10::IValue& argument(size_t i) { return stack_[begin_ + i]; }

  // Replace device tensors by CPU tensors over the same memory, and the wish for the device by one for the CPU.
  void take_arguments() {
    for (size_t i = 0; i < schema_.arguments().size(); ++i) {
      auto& value = argument(i);
      if (value.isTensor()) {
        value = taken(value.toTensor());
      } else if (value.isTensorList()) {
        c10::List<at::Tensor> list;
        for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(taken(tensor));
        value = list;
      } else if (value.isOptionalTensorList()) {
        value = taken_indices(value.toOptionalTensorVector());
      } else if (value.isDevice() && value.toDevice().type() == kType) {
        here_ = true;
        value = c10::Device(c10::kCPU);
      }
    }
  }

  at::Tensor taken(const at::Tensor& tensor) {
    if (!on_device(tensor)) {
      if (tensor.defined()) strangers_.push_back(tensor);
      return tensor;
    }
    here_ = true;
    for (const auto& pair : taken_)
      if (pair.device.is_same(tensor)) return pair.host;
    taken_.push_back({tensor, labelled(tensor, host_of(tensor.storage()), c10::DispatchKey::CPU)});
    return taken_.back().host;
  }

  c10::List<std::optional<at::Tensor>> taken_indices(const std::vector<std::optional<at::Tensor>>& indices) {
    c10::List<std::optional<at::Tensor>> list;
    for (const auto& index : indices) {
      list.push_back(index ? std::optional(taken(*index)) : std::nullopt);
      if (index && !on_device(*index)) cpu_indices_.push_back(*index);
    }
    return list;
  }

  // CUDA takes from the CPU: the other side of a copy, indices into its own tensors, and for some operators a number.
  void refuse_strangers() {
    const bool copies = name_ == "aten::copy_" || name_ == "aten::_copy_from";
    const bool indexes_own = argument(0).isTensor() && !contains(strangers_, argument(0).toTensor());
    for (const auto& stranger : strangers_) {
      const bool index = indexes_own && contains(cpu_indices_, stranger);
      const bool number = stranger.dim() == 0 && takes_cpu_scalar.count(name_);
      TORCH_CHECK(copies || index || number, "Expected all tensors to be on the same device, but found at least two ",
                  "devices, ", kDevice, " and ", stranger.device(), "! (in ", name_, ")");
    }
  }

  static bool contains(const std::vector<at::Tensor>& tensors, const at::Tensor& tensor) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& each) { return each.is_same(tensor); });
  }

  void give_generators() {
    for (size_t i = 0; here_ && i < schema_.arguments().size(); ++i) {
      auto& value = argument(i);
      if (value.isGenerator()) {
        const auto given = value.toGenerator();
        TORCH_CHECK(given.device().type() == kType, "Expected a '", kType, "' device type for generator but found '",
                    given.device().type(), "'");
        value = host_generator(given);
      } else if (value.isNone() && schema_.arguments()[i].name() == "generator") {
        value = host_generator(default_generator());
      }
    }
  }

  // A kernel may have resized what it wrote to, or given it another storage: the device's tensor does the same.
  void follow(const Pair& pair) {
    auto* impl = pair.device.unsafeGetTensorImpl();
    const auto& storage = pair.device.storage();
    const auto& host = pair.host.storage();
    if (!same(host, host_of(storage))) {
      impl->set_storage_keep_dtype(known_storage(host).value_or(device_storage(host)));
    } else if (storage.data() != host.data() || storage.nbytes() != host.nbytes()) {
      auto bytes = bytes_of(host);
      storage.unsafeGetStorageImpl()->set_nbytes(host.nbytes());
      storage.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(bytes));
    }
    if (pair.device.sizes() != pair.host.sizes() || pair.device.strides() != pair.host.strides() ||
        pair.device.storage_offset() != pair.host.storage_offset()) {
      impl->set_storage_offset(pair.host.storage_offset());
      impl->set_sizes_and_strides(pair.host.sizes(), pair.host.strides());
    }
  }

  void give_back(c10::IValue& value) {
    if (value.isTensor()) {
      value = given(value.toTensor());
    } else if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(given(tensor));
      value = list;
    }
  }

  // Label a result as the device's: an argument is itself again, a view shares its storage, all else is new.
  at::Tensor given(const at::Tensor& result) {
    if (!result.defined() || contains(strangers_, result)) return result;
    for (const auto& pair : taken_)
      if (pair.host.is_same(result)) return pair.device;
    TORCH_CHECK(result.layout() == at::kStrided, "standin: ", name_, " returned what is no plain tensor");
    const bool is_double = result.scalar_type() == at::kDouble || result.scalar_type() == at::kComplexDouble;
    TORCH_CHECK_TYPE(kHasDouble || !is_double, "Cannot convert a MPS Tensor to float64 dtype as the MPS framework ",
                     "doesn't support float64. Please use float32 instead. (in ", name_, ")");
    if (const auto known = known_storage(result.storage())) return labelled(result, *known, kKey);
    made_.push_back({labelled(result, device_storage(result.storage()), kKey), result});
    return made_.back().device;
  }

  std::optional<c10::Storage> known_storage(const c10::Storage& host) const {
    for (const auto* pairs : {&taken_, &made_})
      for (const auto& pair : *pairs)
        if (same(host_of(pair.device.storage()), host)) return pair.device.storage();
    return std::nullopt;
  }

  const c10::OperatorHandle& op_;
  const c10::FunctionSchema& schema_;
  torch::jit::Stack& stack_;
  const size_t begin_;
  std::string name_;
  bool here_ = false;                    // does this call concern the device at all?
  std::vector<Pair> taken_, made_;       // arguments and results
  std::vector<at::Tensor> strangers_;    // arguments on the CPU
  std::vector<at::Tensor> cpu_indices_;  // of them, those that index a tensor
};

void on_host(const c10::OperatorHandle& op, torch::jit::Stack* stack) { Call(op, stack).run(); }

// ---- Storages that PyTorch hands over: a boxed kernel does not get to see them ----

at::Tensor& set_storage(at::Tensor& self, at::Storage source, int64_t offset, at::IntArrayRef size,
                        at::IntArrayRef stride) {
  auto* impl = self.unsafeGetTensorImpl();
  impl->set_storage_keep_dtype(std::move(source));
  impl->set_storage_offset(offset);
  impl->set_sizes_and_strides(size, stride);
  return self;
}

at::Tensor& set_whole_storage(at::Tensor& self, at::Storage source) {
  const auto count = static_cast<int64_t>(source.nbytes() / self.dtype().itemsize());
  return set_storage(self, std::move(source), 0, {count}, {1});
}

#ifdef STANDIN_MPS
// ---- What MPS does in its own way: two derivatives of its own, and no windows of uneven size ----

std::tuple<at::Tensor, at::Tensor, at::Tensor> linear_backward(const at::Tensor& self, const at::Tensor& grad,
                                                               const at::Tensor& weight, std::array<bool, 3> wanted) {
  const auto rows = grad.reshape({-1, grad.size(-1)}), inputs = self.reshape({-1, self.size(-1)});
  return {wanted[0] ? grad.matmul(weight) : at::Tensor(), wanted[1] ? rows.t().matmul(inputs) : at::Tensor(),
          wanted[2] ? rows.sum(0) : at::Tensor()};
}

at::Tensor max_pool2d_backward(const at::Tensor& grad, const at::Tensor& self, at::IntArrayRef kernel,
                               at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                               bool ceil_mode) {
  const auto indices = std::get<1>(at::max_pool2d_with_indices(self, kernel, stride, padding, dilation, ceil_mode));
  return at::max_pool2d_with_indices_backward(grad, self, kernel, stride, padding, dilation, ceil_mode, indices);
}

void even_windows(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const auto& input = (*stack)[stack->size() - 2].toTensor();
  const auto size = (*stack)[stack->size() - 1].toIntVector();
  TORCH_CHECK_NOT_IMPLEMENTED(input.size(-2) % size[0] == 0 && input.size(-1) % size[1] == 0,
                              "Adaptive pool MPS: input sizes must be divisible by output sizes.");
  on_host(op, stack);
}
#endif

// ---- What PyTorch asks of a device: there is one, with one stream, and all work is done when a call returns ----

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  c10::Device getDevice() const override { return kDevice; }
  c10::Device exchangeDevice(c10::Device) const override { return kDevice; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream getDefaultStream(c10::Device) const override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  c10::Stream exchangeStream(c10::Stream) const noexcept override { return c10::Stream(c10::Stream::DEFAULT, kDevice); }
  void record(void**, const c10::Stream&, const c10::DeviceIndex, const c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeEvent(void*) const override {}
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(const c10::DeviceIndex) const override {}
};
C10_REGISTER_GUARD_IMPL(STANDIN_KEY, Guard)

template <class Base>
struct HooksOf : Base {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  void init() const override {}
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override { return default_generator(); }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::make_generator<DeviceGenerator>(); }
  at::Device getDeviceFromPtr(void*) const override { return kDevice; }
  at::Allocator* getPinnedMemoryAllocator() const override { return c10::GetCPUAllocator(); }
};

#ifdef STANDIN_MPS
struct Hooks final : HooksOf<at::MPSHooksInterface> {
  bool hasMPS() const override { return true; }
  bool isOnMacOSorNewer(unsigned, unsigned) const override { return true; }
  at::Allocator* getMPSDeviceAllocator() const override { return &allocator; }
  void deviceSynchronize() const override {}
  void commitStream() const override {}
  void emptyCache() const override {}
};

// A build with CUDA refuses to have MPS as well: its hooks answer from here on as those of a build without CUDA do.
void forget_cuda() {
  static at::CUDAHooksInterface none;
  std::memcpy(const_cast<at::CUDAHooksInterface*>(&at::detail::getCUDAHooks()), &none, sizeof(void*));
}
#else
struct Hooks final : HooksOf<at::PrivateUse1HooksInterface> {
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t size) const override {
    auto fresh = allocator.allocate(size);
    std::memcpy(fresh.get(), storage.data(), std::min(size, storage.nbytes()));
    storage.unsafeGetStorageImpl()->set_nbytes(size);
    storage.unsafeGetStorageImpl()->set_data_ptr_noswap(std::move(fresh));
  }
};
#endif

const bool installed = [] {
  c10::SetAllocator(kType, &allocator);
#ifdef STANDIN_MPS
  forget_cuda();
#else
  static Hooks hooks;
  at::RegisterPrivateUse1HooksInterface(&hooks);
#endif
  return true;
}();

}  // namespace

#ifdef STANDIN_MPS
namespace at {
C10_REGISTER_CLASS(MPSHooksRegistry, MPSHooks, ::Hooks)
}
#endif

// ---- What standin.py calls ----

TORCH_LIBRARY(standin, m) {
  m.def("round(bool convolutions, bool products) -> ()", [](bool convolutions, bool products) {
    rounds_convolutions = convolutions;
    rounds_products = products;
  });
  m.def("allow_scalars(str[] names) -> ()",
        [](std::vector<std::string> names) { takes_cpu_scalar = {names.begin(), names.end()}; });
  m.def("seed(int value) -> ()", [](int64_t value) {
    default_generator().unsafeGetGeneratorImpl()->set_current_seed(static_cast<uint64_t>(value));
  });
  m.def("get_state() -> Tensor",
        [] { return at::Tensor::wrap_tensor_impl(default_generator().unsafeGetGeneratorImpl()->get_state()); });
  m.def("set_state(Tensor state) -> ()", [](const at::Tensor& state) {
    default_generator().unsafeGetGeneratorImpl()->set_state(*state.unsafeGetTensorImpl());
  });
}

TORCH_LIBRARY_IMPL(_, STANDIN_KEY, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&on_host>()); }

TORCH_LIBRARY_IMPL(aten, STANDIN_KEY, m) {
  // These would look for a kernel of the device by its name, and find none.
  for (const char* name : {"convolution", "convolution_backward", "copy_"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&on_host>());
#ifdef STANDIN_MPS
  for (const char* name : {"linear", "max_pool2d"}) m.impl(name, torch::CppFunction::makeFromBoxedFunction<&on_host>());
  m.impl("linear_backward", &linear_backward);
  m.impl("max_pool2d_backward", &max_pool2d_backward);
  m.impl("_adaptive_avg_pool2d", torch::CppFunction::makeFromBoxedFunction<&even_windows>());
#endif
  m.impl("set_.source_Storage_storage_offset", &set_storage);
  m.impl("set_.source_Storage", &set_whole_storage);
}
